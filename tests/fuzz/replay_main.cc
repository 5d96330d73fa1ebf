// Runs a fuzz target over the files of a folder, and over each with one byte changed, 200 times.
//
// The stand-in for libFuzzer in a normal build: what was found once, and what is near it, stays
// found. The changes are the same each time.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "tests/fuzz/fuzz_target.h"

namespace {

constexpr int kChanges = 200;

void Run(const std::string& input) {
  // Memory of its own size, so that a sanitizer sees a read behind its end.
  const std::vector<uint8_t> bytes(input.begin(), input.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 2;
  }
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1], error)) {
    paths.push_back(entry.path());
  }
  if (error || paths.empty()) {
    std::fprintf(stderr, "%s: no inputs there\n", argv[1]);
    return 1;
  }
  std::sort(paths.begin(), paths.end());
  for (const std::filesystem::path& path : paths) {
    const std::string name = path.filename();
    // The last line of a run that ends in a crash names the input.
    std::printf("%s\n", name.c_str());
    std::fflush(stdout);
    std::ifstream file(path, std::ios::binary);
    const std::string input{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    Run(input);
    if (input.empty()) continue;
    tributary::RandomStream stream(1, "fuzz.replay", 0, name);
    for (int i = 0; i < kChanges; ++i) {
      std::string changed = input;
      const size_t at = stream.Below(changed.size());
      changed[at] = static_cast<char>(static_cast<uint8_t>(changed[at]) ^ (1 + stream.Below(255)));
      Run(changed);
    }
  }
  std::printf("%zu inputs, %d changes of each\n", paths.size(), kChanges);
  return 0;
}

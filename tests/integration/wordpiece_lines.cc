// Reads JSON texts, one per line, and prints their WordPiece ids, one JSON list per line.
#include <iostream>
#include <string>

#include <nlohmann/json.hpp>

#include "common/data/tokenizer.h"

int main(int argc, char** argv) {
  const auto tokenizer = tributary::Tokenizer::Load(argc == 2 ? argv[1] : "");
  if (!tokenizer.ok()) {
    std::cerr << "usage: wordpiece_lines VOCABULARY: " << tokenizer.status() << "\n";
    return 2;
  }
  for (std::string line; std::getline(std::cin, line);) {
    const auto text = nlohmann::json::parse(line).get<std::string>();
    std::cout << nlohmann::json((*tokenizer)->Encode(text)).dump() << "\n";
  }
}

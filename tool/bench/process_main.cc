// tributary-bench-process: the program that `tributary bench wire` starts. The tool itself links
// libraries for images and drawings, which would count in the coordinator's measured memory.

#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>

#include "common/base/report.h"
#include "common/base/status.h"
#include "tool/bench/bench_command.h"

int main(int argc, char** argv) {
  using tributary::BenchCommand;
  CLI::App app("A process of `tributary bench wire`; not to be started by hand");
  BenchCommand bench;
  AddBenchFlags(&app, &bench);
  try {
    app.parse(argc, argv);
    return tributary::ReportEnd("tributary-bench-process", RunBench(bench), bench.json);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? tributary::kExitDone : tributary::kExitUsage;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tributary-bench-process: %s\n", error.what());
    return tributary::kExitFailed;
  }
}

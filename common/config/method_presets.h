// What a method's name stands for: values of run-file keys.
// Source: algorithm.md, the tables of section 4 and section 7.
#pragma once

#include "common/config/run_config.h"

namespace tributary {

// Sets the keys of [local], [fedprox] and [aggregation] in which `config->method` differs from
// plain FedAvg. A run file's own keys are read afterwards and win.
void ApplyMethodPreset(RunConfig* config);

}  // namespace tributary

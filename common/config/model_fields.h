// The settings of the model: the section [model], and the shape that clients are told at their
// join.
#pragma once

#include "common/config/field.h"
#include "common/config/run_config.h"
#include "common/model/model_spec.h"

namespace tributary {

const FieldTable<ModelConfig>& ModelFields();  // [model]

// All of a ModelSpec, as Welcome.model carries it: the keys of [model], and what a run knows
// besides (vocabulary size, classes, complementary layers, public samples).
const FieldTable<ModelSpec>& ModelSpecFields();

}  // namespace tributary

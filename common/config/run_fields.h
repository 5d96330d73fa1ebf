// The tables of fields of the run file's sections, apart from [model] (model_fields.h) and those of
// local training (training_fields.h). One function for each section; settings_group.h puts them
// together.
#pragma once

#include "common/config/field.h"
#include "common/config/method_card.h"
#include "common/config/run_config.h"

namespace tributary {

// The top of the file. `method` may be one of `methods`, and presets other keys.
FieldTable<RunConfig> TopFields(const MethodTable& methods);
const FieldTable<DatasetConfig>& DatasetFields();          // [[datasets]], all required
const FieldTable<InitConfig>& InitFields();                // [init]
const FieldTable<AggregationConfig>& AggregationFields();  // [aggregation]
const FieldTable<FedOptConfig>& FedOptFields();            // [fedopt]
const FieldTable<RoundConfig>& RoundFields();              // [round]
const FieldTable<WireConfig>& WireFields();                // [wire]
const FieldTable<ServerConfig>& ServerFields();            // [server]
const FieldTable<TlsConfig>& TlsFields();                  // [server.tls]
const FieldTable<EvaluationConfig>& EvaluationFields();    // [evaluation]
const FieldTable<CheckpointsConfig>& CheckpointsFields();  // [checkpoints]
const FieldTable<LaunchConfig>& LaunchFields();            // [launch]

}  // namespace tributary

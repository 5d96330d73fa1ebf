// The settings of local training: what clients are told with each task. The coordinator reads them
// from the run file, a client from the wire (client/daemon/training_proto.h).
#pragma once

#include "common/config/field.h"
#include "common/data/transforms.h"
#include "common/train/local_training.h"

namespace tributary {

const FieldTable<LocalTraining>& LocalFields();         // [local]
const FieldTable<LocalTraining>& ContrastiveFields();   // [contrastive]
const FieldTable<LocalTraining>& ProximalFields();      // [fedprox]
const FieldTable<Augmentations>& AugmentationFields();  // [augmentation]
// In the section of a method whose clients pass over a public set.
const FieldTable<ContrastTraining>& ContrastFields();

}  // namespace tributary

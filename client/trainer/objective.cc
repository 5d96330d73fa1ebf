#include "client/trainer/objective.h"

namespace tributary {

std::unique_ptr<Objective> MakeObjective(Modality modality, const LocalTraining& training,
                                         c10::Device device) {
  switch (modality) {
    case Modality::kImage:
      return MakeImageObjective();
    case Modality::kText:
      return MakeTextObjective();
    case Modality::kPair:
      return MakePairObjective(training.learn_scale, device);
  }
  return nullptr;
}

}  // namespace tributary

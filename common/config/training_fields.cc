#include "common/config/training_fields.h"

#include "common/config/choices.h"

namespace tributary {

const FieldTable<LocalTraining>& LocalFields() {
  static const auto* const kFields = new FieldTable<LocalTraining>{
      WholeField("epochs", &LocalTraining::epochs, 1, 10'000, Mathematics::kYes, Clients::kYes,
                 "passes over the client's data in each round"),
      WholeField("batch", &LocalTraining::batch, 1, 1 << 20, Mathematics::kYes, Clients::kYes,
                 "samples in a step"),
      // Decay and warm-up may take a round's rate below what the first round's may be.
      NumberField("learning_rate", &LocalTraining::learning_rate, 1e-12, 100, Mathematics::kYes,
                  Clients::kYes, "of AdamW, in the first round")
          .WireRange(NumberRange{0, 100}),
      NumberField("learning_rate_decay", &LocalTraining::learning_rate_decay, 1e-6, 1,
                  Mathematics::kYes, Clients::kIndirect,
                  "factor on the learning rate every `learning_rate_decay_every` rounds"),
      WholeField("learning_rate_decay_every", &LocalTraining::learning_rate_decay_every, 1,
                 1'000'000, Mathematics::kYes, Clients::kIndirect,
                 "rounds between two decays of the learning rate"),
      WholeField("warmup_rounds", &LocalTraining::warmup_rounds, 0, 1'000'000, Mathematics::kYes,
                 Clients::kIndirect, "rounds over which the learning rate rises linearly"),
      NumberField("weight_decay", &LocalTraining::weight_decay, 0, 1, Mathematics::kYes,
                  Clients::kYes, "of AdamW"),
      NumberField("clip_norm", &LocalTraining::clip_norm, 0, 1e9, Mathematics::kYes, Clients::kYes,
                  "largest norm of the gradient; 0: no limit"),
      WordField("complementary", &LocalTraining::complementary, kComplementaryLayers,
                Mathematics::kYes, Clients::kIndirect,
                "layers with auxiliary weights of the other modality"),
      FlagField("aux_trained", &LocalTraining::aux_trained, Mathematics::kYes, Clients::kYes,
                "the auxiliary weights are trained; otherwise only their gates are"),
      FlagField("control_variates", &LocalTraining::control_variates, Mathematics::kYes,
                Clients::kIndirect,
                "gradients are corrected by how this client's differ from all clients' "
                "([algorithm.md](algorithm.md#9-scaffold))"),
  };
  return *kFields;
}

const FieldTable<LocalTraining>& ContrastiveFields() {
  static const auto* const kFields = new FieldTable<LocalTraining>{
      FlagField("learn_scale", &LocalTraining::learn_scale, Mathematics::kYes, Clients::kYes,
                "pair clients learn the scale of the logits"),
  };
  return *kFields;
}

const FieldTable<LocalTraining>& ProximalFields() {
  static const auto* const kFields = new FieldTable<LocalTraining>{
      NumberField("mu", &LocalTraining::proximal_mu, 0, 1e6, Mathematics::kYes, Clients::kYes,
                  "weight of the proximal term, with any method; 0: none")
          .WireName("proximal_mu"),
      WordField("rule", &LocalTraining::proximal_rule, kProximalRules, Mathematics::kYes,
                Clients::kYes,
                "`release` takes the norm instead of its square, as the paper's code does")
          .WireName("proximal_rule"),
  };
  return *kFields;
}

const FieldTable<Augmentations>& AugmentationFields() {
  static const auto* const kFields = new FieldTable<Augmentations>{
      WholeField("crop_padding", &Augmentations::crop_padding, 0, 1024, Mathematics::kYes,
                 Clients::kYes, "pixels of white border out of which a crop is taken"),
      NumberField("rotation", &Augmentations::rotation, 0, 180, Mathematics::kYes, Clients::kYes,
                  "largest angle, in degrees"),
      NumberField("horizontal_flip", &Augmentations::horizontal_flip, 0, 1, Mathematics::kYes,
                  Clients::kYes, "probability"),
      NumberField("vertical_flip", &Augmentations::vertical_flip, 0, 1, Mathematics::kYes,
                  Clients::kYes, "probability"),
      NumberField("brightness", &Augmentations::brightness, 0, 1, Mathematics::kYes, Clients::kYes,
                  "largest relative change"),
      NumberField("contrast", &Augmentations::contrast, 0, 1, Mathematics::kYes, Clients::kYes,
                  "largest relative change"),
  };
  return *kFields;
}

const FieldTable<ContrastTraining>& ContrastFields() {
  static const auto* const kFields = new FieldTable<ContrastTraining>{
      WholeField("batch", &ContrastTraining::batch, 1, 1 << 20, Mathematics::kYes, Clients::kYes,
                 "samples of the public set at a time, on clients and on the coordinator"),
      NumberField("temperature", &ContrastTraining::temperature, 1e-6, 1e6, Mathematics::kYes,
                  Clients::kYes, "of the clients' contrastive terms"),
      NumberField("contrast_weight", &ContrastTraining::weight, 0, 1e9, Mathematics::kYes,
                  Clients::kYes, "factor on the clients' contrastive terms")
          .WireName("weight"),
  };
  return *kFields;
}

}  // namespace tributary

#include "common/config/model_fields.h"

#include "common/config/choices.h"

namespace tributary {
namespace {

constexpr int64_t kMostRows = 1 << 20;  // of a table: words, classes, public samples

const FieldTable<ModelSpec>& ShapeFields() {
  static const auto* const kFields = new FieldTable<ModelSpec>{
      WholeField("dim", &ModelSpec::dim, 1, 16384, Mathematics::kYes, Clients::kYes,
                 "width of the blocks")
          .ShownDefault("of `size`"),
      WholeField("depth", &ModelSpec::depth, 1, 256, Mathematics::kYes, Clients::kYes,
                 "number of blocks")
          .ShownDefault("of `size`"),
      WholeField("heads", &ModelSpec::heads, 1, 256, Mathematics::kYes, Clients::kYes,
                 "attention heads; divides `dim`")
          .ShownDefault("of `size`"),
      WholeField("patch", &ModelSpec::patch, 1, 1024, Mathematics::kYes, Clients::kYes,
                 "edge of an image patch in pixels; divides `image_size`"),
      WholeField("image_size", &ModelSpec::image_size, 1, 4096, Mathematics::kYes, Clients::kYes,
                 "edge of the images in pixels"),
      WholeField("channels", &ModelSpec::channels, 1, 16, Mathematics::kYes, Clients::kYes,
                 "colour channels"),
      WholeField("max_tokens", &ModelSpec::max_tokens, 2, 8192, Mathematics::kYes, Clients::kYes,
                 "tokens of a text, `[CLS]` and `[SEP]` included"),
      NumberField("drop_path", &ModelSpec::drop_path, 0, 0.99, Mathematics::kYes, Clients::kYes,
                  "stochastic depth at the last block; it grows linearly from 0"),
  };
  return *kFields;
}

void SetSize(ModelConfig* model) {
  const auto set = [&](int64_t dim, int64_t depth, int64_t heads) {
    model->spec.dim = dim;
    model->spec.depth = depth;
    model->spec.heads = heads;
  };
  switch (model->size) {
    case ModelSize::kToy:
      return set(96, 4, 4);
    case ModelSize::kTiny:
      return set(192, 12, 3);
    case ModelSize::kSmall:
      return set(384, 12, 6);
    case ModelSize::kBase:
      return set(768, 12, 12);
  }
}

}  // namespace

const FieldTable<ModelConfig>& ModelFields() {
  static const auto* const kFields = [] {
    auto* fields = new FieldTable<ModelConfig>{
        WordField("size", &ModelConfig::size, kModelSizes, Mathematics::kIndirect,
                  Clients::kIndirect,
                  "preset: `toy` (96 wide, 4 blocks, 4 heads), `tiny` (192, 12, 3), `small` (384, "
                  "12, 6), `base` (768, 12, 12)")
            .Preset(SetSize)};
    *fields = Joined(*fields, FieldsThrough<ModelConfig>(&ModelConfig::spec, ShapeFields()));
    fields->push_back(TextField("vocabulary", &ModelConfig::vocabulary, Mathematics::kIndirect,
                                Clients::kIndirect,
                                "a BERT vocabulary file; empty: the one that ships"));
    return fields;
  }();
  return *kFields;
}

const FieldTable<ModelSpec>& ModelSpecFields() {
  static const auto* const kFields = new FieldTable<ModelSpec>(Joined(
      ShapeFields(),
      {WholeField("vocabulary_size", &ModelSpec::vocabulary_size, 0, kMostRows, Mathematics::kYes,
                  Clients::kYes, "words of the vocabulary"),
       WholeField("classes", &ModelSpec::classes, 0, kMostRows, Mathematics::kYes, Clients::kYes,
                  "of the dataset; 0 for pairs"),
       WordField("complementary", &ModelSpec::complementary, kComplementaryLayers,
                 Mathematics::kYes, Clients::kYes, "layers with auxiliary weights"),
       WholeField("public_samples", &ModelSpec::public_samples, 0, kMostRows, Mathematics::kYes,
                  Clients::kYes, "samples of the public set; 0: there is none"),
       FlagField("control_variates", &ModelSpec::control_variates, Mathematics::kYes, Clients::kYes,
                 "clients correct their gradients by control variates")}));
  return *kFields;
}

}  // namespace tributary

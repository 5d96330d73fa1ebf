#include "common/data/datasets/icon_contexts.h"
#include "common/data/datasets/icon_names.h"
#include "common/data/datasets/icon_public.h"
#include "common/data/datasets/wordnet_glosses.h"
#include "common/data/sample_set.h"

namespace tributary {
namespace {

constexpr char kPackages[] = "of its Debian package: usr/share/doc/<package>/copyright";

}  // namespace

const std::vector<DatasetReader>& DatasetReaders() {
  static const std::vector<DatasetReader> kReaders = {
      {"icon-names",
       {},
       "pairs: desktop icons and their names in words",
       kPackages,
       32,
       ReadIconNames},
      {"icon-public",
       {},
       "pairs: icons that all sides hold, for CreamFL",
       kPackages,
       32,
       ReadIconPublic},
      {"icon-contexts",
       {},
       "images: desktop icons by context, 8 classes",
       kPackages,
       32,
       ReadIconContexts},
      {"wordnet-glosses",
       {},
       "texts: WordNet's noun glosses by kind, 26 classes",
       kPackages,
       0,
       ReadWordnetGlosses},
  };
  return kReaders;
}

}  // namespace tributary

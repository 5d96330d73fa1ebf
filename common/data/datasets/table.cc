#include <iterator>
#include <utility>

#include "common/data/datasets/cifar.h"
#include "common/data/datasets/icon_contexts.h"
#include "common/data/datasets/icon_names.h"
#include "common/data/datasets/icon_public.h"
#include "common/data/datasets/image_folder.h"
#include "common/data/datasets/medmnist.h"
#include "common/data/datasets/mnist.h"
#include "common/data/datasets/wordnet_glosses.h"
#include "common/data/sample_set.h"

namespace tributary {
namespace {

constexpr char kPackages[] = "of its Debian package: usr/share/doc/<package>/copyright";
constexpr char kUnstated[] = "none stated by its publisher";

std::vector<DatasetReader> WithMedMnist(std::vector<DatasetReader> readers) {
  std::vector<DatasetReader> medical = MedMnistReaders();
  std::move(medical.begin(), medical.end(), std::back_inserter(readers));
  return readers;
}

}  // namespace

const std::vector<DatasetReader>& DatasetReaders() {
  static const std::vector<DatasetReader> kReaders = WithMedMnist({
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
      {"cifar-10", {}, "images: photographs, 10 classes", kUnstated, 224, ReadCifar10},
      {"cifar-100",
       {"fine", "coarse"},
       "images: photographs, 100 fine or 20 coarse classes",
       kUnstated,
       224,
       ReadCifar100},
      {"fashion-mnist", {}, "images: clothes, 10 classes", "MIT", 224, ReadFashionMnist},
      {"mnist", {}, "images: handwritten digits", "CC BY-SA 3.0", 224, ReadMnist},
      {"image-folder",
       {},
       "images: your own, a folder for each class",
       "yours",
       224,
       ReadImageFolder},
  });
  return kReaders;
}

}  // namespace tributary

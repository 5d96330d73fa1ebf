// The table of datasets that `tributary prepare` knows; sample_set.h says what an entry is.
//
// A new dataset is an entry here, a reader in a file beside this one, and a page in docs/datasets/.

#include <iterator>
#include <utility>

#include "preparation/datasets/ag_news.h"
#include "preparation/datasets/cifar.h"
#include "preparation/datasets/coco.h"
#include "preparation/datasets/flickr30k.h"
#include "preparation/datasets/icon_contexts.h"
#include "preparation/datasets/icon_names.h"
#include "preparation/datasets/icon_public.h"
#include "preparation/datasets/image_folder.h"
#include "preparation/datasets/medical_abstracts.h"
#include "preparation/datasets/medmnist.h"
#include "preparation/datasets/mnist.h"
#include "preparation/datasets/own_files.h"
#include "preparation/datasets/sample_set.h"
#include "preparation/datasets/webdataset.h"
#include "preparation/datasets/wordnet_glosses.h"

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
       ReadImageFolder,
       /*takes_ids=*/false,
       /*takes_columns=*/false,
       /*takes_encoding=*/true},
      {"ag-news",
       {"basic-english", "as-published"},
       "texts: news by topic, 4 classes",
       "AG's corpus of news articles: for non-commercial use",
       0,
       ReadAgNews},
      {"coco",
       {"2014", "2017", "karpathy"},
       "pairs: photographs with five captions each",
       "captions CC BY 4.0; images under the terms of Flickr and their owners",
       224,
       ReadCoco,
       /*takes_ids=*/true},
      {"csv",
       {},
       "pairs, images or texts: your own, a table of comma-separated values",
       "yours",
       224,
       ReadOwnCsv,
       /*takes_ids=*/false,
       /*takes_columns=*/true,
       /*takes_encoding=*/true},
      {"flickr30k",
       {"karpathy", "release", "split"},
       "pairs: photographs with five captions each",
       "for non-commercial research and education; images under the terms of Flickr",
       224,
       ReadFlickr30k,
       /*takes_ids=*/true},
      {"jsonl",
       {},
       "pairs, images or texts: your own, JSON Lines",
       "yours",
       224,
       ReadOwnJsonLines,
       /*takes_ids=*/false,
       /*takes_columns=*/true,
       /*takes_encoding=*/true},
      {"medical-abstracts",
       {},
       "texts: abstracts by the patient's condition, 5 classes",
       "CC BY-SA 3.0",
       0,
       ReadMedicalAbstracts},
      {"webdataset",
       {},
       "pairs, images or texts: your own, tar archives of KEY.jpg with KEY.txt, KEY.cls or "
       "KEY.json",
       "yours",
       224,
       ReadWebDataset},
  });
  return kReaders;
}

}  // namespace tributary

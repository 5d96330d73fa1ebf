#include "preparation/datasets/medmnist_sets.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace tributary {
namespace {

using Classes = std::vector<std::string>;

Classes Organs() {
  return {"bladder", "femur-left", "femur-right", "heart",    "kidney-left", "kidney-right",
          "liver",   "lung-left",  "lung-right",  "pancreas", "spleen"};
}

Classes Findings() {
  return {"atelectasis", "cardiomegaly", "effusion",     "infiltration",  "mass",
          "nodule",      "pneumonia",    "pneumothorax", "consolidation", "edema",
          "emphysema",   "fibrosis",     "pleural",      "hernia",        "no finding"};
}

std::vector<MedMnistSet> MakeSets() {
  return {
      {"pathmnist",
       "tissue of the colon",
       {"adipose", "background", "debris", "lymphocytes", "mucus", "smooth muscle",
        "normal colon mucosa", "cancer-associated stroma", "colorectal adenocarcinoma epithelium"}},
      {"chestmnist", "X-rays of the chest, by their first finding", Findings(), true},
      {"dermamnist",
       "lesions of the skin",
       {"actinic keratoses and intraepithelial carcinoma", "basal cell carcinoma",
        "benign keratosis-like lesions", "dermatofibroma", "melanoma", "melanocytic nevi",
        "vascular lesions"}},
      {"octmnist",
       "optical coherence tomographs of the retina",
       {"choroidal neovascularization", "diabetic macular edema", "drusen", "normal"}},
      {"pneumoniamnist", "X-rays of children's chests", {"normal", "pneumonia"}},
      {"retinamnist", "retinas by the grade of retinopathy", {"0", "1", "2", "3", "4"}},
      {"breastmnist", "ultrasounds of the breast", {"malignant", "normal, benign"}},
      {"bloodmnist",
       "blood cells",
       {"basophil", "eosinophil", "erythroblast",
        "immature granulocytes(myelocytes, metamyelocytes and promyelocytes)", "lymphocyte",
        "monocyte", "neutrophil", "platelet"}},
      {"tissuemnist",
       "cells of the kidney's cortex",
       {"Collecting Duct, Connecting Tubule", "Distal Convoluted Tubule",
        "Glomerular endothelial cells", "Interstitial endothelial cells", "Leukocytes", "Podocytes",
        "Proximal Tubule Segments", "Thick Ascending Limb"}},
      {"organamnist", "organs in axial tomographs", Organs()},
      {"organcmnist", "organs in coronal tomographs", Organs()},
      {"organsmnist", "organs in sagittal tomographs", Organs()},
  };
}

}  // namespace

const std::vector<MedMnistSet>& MedMnistSets() {
  static const std::vector<MedMnistSet> kSets = MakeSets();
  return kSets;
}

absl::StatusOr<const MedMnistSet*> FindMedMnistSet(const std::string& name) {
  std::vector<std::string> names;
  for (const MedMnistSet& set : MedMnistSets()) {
    if (set.name == name) return &set;
    names.push_back(set.name);
  }
  return absl::NotFoundError(absl::StrCat("MedMNIST's set \"", name, "\" is unknown; known are ",
                                          absl::StrJoin(names, ", ")));
}

}  // namespace tributary

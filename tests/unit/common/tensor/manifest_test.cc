#include "common/tensor/manifest.h"

#include <gtest/gtest.h>

#include "common/base/hash.h"

namespace tributary {
namespace {

Manifest Two() { return {{{"w", {2, 3}}, {"b", {2}}}}; }

TEST(ManifestTest, DigestIsOfTheDocumentedLines) {
  EXPECT_EQ(Two().Digest(), Sha256Hex("w f32 2x3\nb f32 2\n"));
  EXPECT_EQ(Two().ElementCount(), 8);
}

TEST(ManifestTest, ListsAStatesTensorsInOrder) {
  StateDict state;
  ASSERT_TRUE(state.Add("w", Tensor::Zeros({2, 3})).ok());
  ASSERT_TRUE(state.Add("b", Tensor::Zeros({2})).ok());
  EXPECT_EQ(Manifest::Of(state), Two());
}

TEST(ManifestTest, DifferenceNamesTheFirstTensor) {
  EXPECT_TRUE(CheckSameManifest(Two(), Two()).ok());
  Manifest other = Two();
  other.tensors[1].shape = {4};
  EXPECT_EQ(CheckSameManifest(other, Two()).message(), "tensor 1 is b [4], expected b [2]");
  other.tensors.pop_back();
  EXPECT_EQ(CheckSameManifest(other, Two()).message(), "tensor 1 is nothing, expected b [2]");
  EXPECT_EQ(CheckSameManifest(Two(), other).message(), "tensor 1 is b [2], expected nothing");
}

}  // namespace
}  // namespace tributary

// What Python itself wrote is read in tests/integration/official_images_test.py; here are pickles
// made by hand, most of them to do harm.
#include "preparation/files/pickle.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "preparation/files/pickle_text.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The status of parsing; values are of no interest.
absl::Status StatusOf(const std::string& bytes) { return Pickle::Parse(bytes).status(); }

std::string MessageOf(const std::string& bytes) { return std::string(StatusOf(bytes).message()); }

constexpr char kArray[] =
    "(dS'data'\ncnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n("
    "I2\nI3\n"
    "tcnumpy\ndtype\n(S'u1'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI0\ntbI00\nS'\\x00a\\'\\n\\\\\\xff'"
    "\n"
    "tbsS'label'\nI7\ns.";

TEST(PickleTest, AnArrayInADictIsRead) {
  const std::string bytes = kArray;
  const auto pickle = Pickle::Parse(bytes);
  ASSERT_TRUE(pickle.ok()) << pickle.status();
  const PickleValue* array = pickle->Find(pickle->root(), "data");
  ASSERT_NE(array, nullptr);
  ASSERT_EQ(array->kind, PickleKind::kArray);
  EXPECT_THAT(array->shape, ElementsAre(2, 3));
  EXPECT_FALSE(array->fortran);
  EXPECT_EQ(pickle->at(array->items[0]).bytes, absl::string_view("\0a'\n\\\xff", 6));
  EXPECT_EQ(pickle->at(array->items[1]).bytes, "u1");
  EXPECT_EQ(pickle->Find(pickle->root(), "label")->integer, 7);
  EXPECT_EQ(pickle->Find(pickle->root(), "none"), nullptr);
  EXPECT_EQ(pickle->Find(*array, "data"), nullptr);
}

TEST(PickleTest, BytesThatLieThereAsTheyAreHaveAPlace) {
  const std::string bytes =
      "\x80\x02U\x03"
      "abc.";
  const auto pickle = Pickle::Parse(bytes);
  ASSERT_TRUE(pickle.ok()) << pickle.status();
  EXPECT_EQ(pickle->PlaceOf(pickle->root()), 4U);
  const std::string escaped = "S'abc'\n.";
  const auto decoded = Pickle::Parse(escaped);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->root().bytes, "abc");
  EXPECT_FALSE(decoded->PlaceOf(decoded->root()).has_value());
}

TEST(PickleTest, AnyOtherGlobalIsRefusedByName) {
  EXPECT_THAT(MessageOf("cos\nsystem\n(S'true'\ntR."), HasSubstr("os.system"));
  EXPECT_THAT(MessageOf("(S'true'\nios\nsystem\n."), HasSubstr("os.system"));
  EXPECT_THAT(MessageOf("c__builtin__\neval\n."), HasSubstr("__builtin__.eval"));
  EXPECT_THAT(MessageOf("X\x02\0\0\0osX\x06\0\0\0system\x93."), HasSubstr(""));
  const std::string stacked("\x80\x04\x8c\x02os\x8c\x06system\x93.", 15);
  EXPECT_THAT(MessageOf(stacked), HasSubstr("os.system"));
  EXPECT_THAT(MessageOf("cnumpy\nndarray\n(tR."), HasSubstr("not understood"));
  EXPECT_THAT(MessageOf("Ppersistent\n."), HasSubstr("opcode 80"));
}

TEST(PickleTest, CutShortAnywhereItIsRefused) {
  const std::string whole = kArray;
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(StatusOf(whole.substr(0, size)).ok()) << size;
  }
}

TEST(PickleTest, TheStackIsNeverReadBelowItsEndOrAMark) {
  for (const std::string bytes :
       {".",   "0.", "a.",     "Na.", "NNa.", "s.",    "R.",   "b.",  "t.",  "(0.",  "N(0.", "u.",
        "(u.", "2.", "q\x01.", "NR.", "NNR.", "}(Nu.", "(Nd.", "N(t", "Nb.", "NNb.", "]NNb."}) {
    EXPECT_EQ(StatusOf(bytes).code(),
              bytes == "N(t" ? absl::StatusCode::kDataLoss : absl::StatusCode::kInvalidArgument)
        << bytes;
  }
  EXPECT_THAT(MessageOf("h\x07."), HasSubstr("never remembered"));
}

TEST(PickleTest, LengthsThatLieAreRefusedBeforeAnythingIsTaken) {
  EXPECT_EQ(StatusOf("T\xff\xff\xff\x7f"
                     "abc.")
                .code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(StatusOf("\x8e\xff\xff\xff\xff\xff\xff\xff\xff"
                     "abc.")
                .code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(StatusOf("\x8b\xff\xff\xff\xff"
                     "abc.")
                .code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(PickleTest, ValuesWithoutEndAreRefused) {
  EXPECT_EQ(StatusOf(std::string(3'000'000, 'N') + ".").code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(StatusOf("N" + std::string(5'000'000, '2') + ".").code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(StatusOf(std::string(5'000'000, '(') + ".").code(),
            absl::StatusCode::kResourceExhausted);
}

// One text, encoded again and again, would be larger each time.
TEST(PickleTest, BytesDecodedOverAndOverAreRefused) {
  std::string bytes =
      "\x80\x02"
      "c_codecs\nencode\nq";
  bytes += std::string("\0X\0\1\0\0", 6) + std::string(256, 'x') + "q\1U\6latin1q\2";
  for (int i = 0; i < 1000; ++i) bytes += std::string("h\0h\1h\2\x86R0", 9);
  EXPECT_EQ(StatusOf(bytes + "N.").code(), absl::StatusCode::kResourceExhausted);
}

TEST(PickleTest, AListInItselfIsTaken) {
  const std::string bytes("]q\0h\0a.", 7);
  const auto pickle = Pickle::Parse(bytes);
  ASSERT_TRUE(pickle.ok()) << pickle.status();
  EXPECT_EQ(&pickle->at(pickle->root().items[0]), &pickle->root());
}

TEST(PickleTest, IntegersOfAllFormsAreRead) {
  const std::string bytes("(I-5\nL123L\nI01\nK\xffM\x01\x02J\xfe\xff\xff\xff\x8a\0\x8a\x02\0\x80t.",
                          33);
  const auto pickle = Pickle::Parse(bytes);
  ASSERT_TRUE(pickle.ok()) << pickle.status();
  std::vector<int64_t> values;
  for (const PickleRef item : pickle->root().items) values.push_back(pickle->at(item).integer);
  EXPECT_THAT(values, ElementsAre(-5, 123, 1, 255, 513, -2, 0, -32768));
  EXPECT_FALSE(StatusOf("L99999999999999999999L\n.").ok());
}

TEST(PickleTextTest, EscapesAreUndone) {
  EXPECT_EQ(*UnquotePython(R"('a\x41\101\'\n\\')"), "aAA'\n\\");
  EXPECT_EQ(*UnquotePython(R"("it's")"), "it's");
  for (const char* bad : {"'", "'a", "a'", R"('\x4')", R"('\q')", R"('a\')", ""}) {
    EXPECT_FALSE(UnquotePython(bad).ok()) << bad;
  }
  EXPECT_EQ(*FromRawUnicodeEscape("a\\u20ac\\U0001f600\xe9\\n"), "a€😀é\\n");
  EXPECT_FALSE(FromRawUnicodeEscape("\\u20a").ok());
  EXPECT_FALSE(FromRawUnicodeEscape("\\Uffffffff").ok());
  EXPECT_EQ(*EncodeLatin1("aé\xc2\x80"), "a\xe9\x80");
  EXPECT_FALSE(EncodeLatin1("€").ok());
  EXPECT_FALSE(EncodeLatin1("\xc3").ok());
}

}  // namespace
}  // namespace tributary

#include "preparation/files/npy.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// As numpy writes it, but for the padding.
std::string Npy(const std::string& descr, const std::string& shape, const std::string& values,
                bool fortran = false, int version = 1) {
  const std::string literal = "{'descr': '" + descr +
                              "', 'fortran_order': " + (fortran ? "True" : "False") +
                              ", 'shape': " + shape + ", }\n";
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(version);
  bytes += '\0';
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) {
    bytes += static_cast<char>(literal.size() >> (8 * i));
  }
  return bytes + literal + values;
}

std::vector<int64_t> ValuesOf(const std::string& bytes) {
  const auto integers = ParseNpyIntegers(bytes);
  EXPECT_TRUE(integers.ok()) << integers.status();
  return integers.ok() ? integers->values : std::vector<int64_t>();
}

TEST(NpyTest, IntegersOfEveryWidthSignAndOrderAreRead) {
  const std::string two("\x01\xff", 2), four("\xfe\xff\xff\xff", 4);
  EXPECT_THAT(ValuesOf(Npy("|u1", "(2,)", two)), ElementsAre(1, 255));
  EXPECT_THAT(ValuesOf(Npy("|i1", "(2,)", two)), ElementsAre(1, -1));
  EXPECT_THAT(ValuesOf(Npy("|b1", "(2,)", std::string("\x01\x00", 2))), ElementsAre(1, 0));
  EXPECT_THAT(ValuesOf(Npy("<u2", "(1,)", two)), ElementsAre(0xff01));
  EXPECT_THAT(ValuesOf(Npy(">u2", "(1,)", two)), ElementsAre(0x01ff));
  EXPECT_THAT(ValuesOf(Npy("<i4", "(1, 1)", four)), ElementsAre(-2));
  EXPECT_THAT(ValuesOf(Npy("<u4", "()", four)), ElementsAre(0xfffffffe));
  EXPECT_THAT(ValuesOf(Npy("<i8", "(1,)", four + std::string(4, '\xff'))), ElementsAre(-2));
  EXPECT_THAT(ValuesOf(Npy(">i8", "(1,)", std::string(7, '\0') + "\x05")), ElementsAre(5));
  EXPECT_THAT(ValuesOf(Npy("|u1", "(0, 7)", "")), IsEmpty());
}

TEST(NpyTest, EveryVersionAndPythonTwosLongsAreKnown) {
  for (const int version : {1, 2, 3}) {
    EXPECT_THAT(ValuesOf(Npy("|u1", "(2L,)", "ab", false, version)), ElementsAre('a', 'b'));
  }
  EXPECT_FALSE(ParseNpyIntegers(Npy("|u1", "(2,)", "ab", false, 4)).ok());
}

TEST(NpyTest, TheHeaderTellsTypeShapeAndWhereValuesBegin) {
  const std::string bytes = Npy(">f4", "(2, 3)", std::string(24, 'x'));
  const auto header = ParseNpyHeader(bytes, bytes.size());
  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_EQ(header->Type(), ">f4");
  EXPECT_THAT(header->shape, ElementsAre(2, 3));
  EXPECT_EQ(header->count, 6U);
  EXPECT_EQ(header->offset, bytes.size() - 24);
}

TEST(NpyTest, AShapeThatIsNotWhatFollowsIsRefused) {
  for (const std::string shape :
       {"(3,)", "(1,)", "(99999999999999999,)", "(4294967296, 4294967296)",
        "(9223372036854775807, 9223372036854775807, 4)", "()", "(0,)"}) {
    EXPECT_EQ(ParseNpyIntegers(Npy("|u1", shape, "ab")).status().code(),
              absl::StatusCode::kDataLoss)
        << shape;
  }
  EXPECT_FALSE(ParseNpyIntegers(Npy("<u8", "(2,)", "ab")).ok());
  EXPECT_FALSE(ParseNpyIntegers(Npy("|u1", "(-2,)", "ab")).ok());
  EXPECT_FALSE(ParseNpyIntegers(Npy("|u1", "(1, 1, 1, 1, 1, 1, 1, 1, 2)", "ab")).ok());
}

TEST(NpyTest, FortranOrderIsRefusedWhereItMatters) {
  EXPECT_THAT(ValuesOf(Npy("|u1", "(2, 1)", "ab", true)), ElementsAre('a', 'b'));
  const auto integers = ParseNpyIntegers(Npy("|u1", "(2, 2)", "abcd", true));
  EXPECT_THAT(std::string(integers.status().message()), HasSubstr("Fortran"));
}

TEST(NpyTest, OtherTypesAreRefused) {
  for (const std::string descr : {"|O", "<U5", "<c8", "|S4", "<u3", "<M8[ns]", "?"}) {
    EXPECT_FALSE(ParseNpyIntegers(Npy(descr, "(2,)", "ab")).ok()) << descr;
  }
  EXPECT_FALSE(ParseNpyIntegers(Npy("<f4", "(1,)", "abcd")).ok());
  EXPECT_FALSE(ParseNpyIntegers(Npy("<u8", "(1,)", std::string(8, '\xff'))).ok());
}

TEST(NpyTest, IdsAreAListOfIntegers) {
  const ScratchFolder scratch;
  const std::string path = scratch / "ids.npy";
  ASSERT_TRUE(WriteFileAtomically(path, Npy("<i2", "(2,)", std::string("\5\0\7\0", 4))).ok());
  EXPECT_THAT(*ReadIds(path), ElementsAre(5, 7));
  for (const std::string& other : {Npy("|u1", "(2, 1)", "ab"), Npy("<f4", "(1,)", "abcd"),
                                   Npy("|u1", "(3,)", "ab"), std::string("5\n7\n")}) {
    ASSERT_TRUE(WriteFileAtomically(path, other).ok());
    EXPECT_THAT(std::string(ReadIds(path).status().message()), HasSubstr("ids.npy"));
  }
  EXPECT_EQ(ReadIds(scratch / "none.npy").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace tributary

#include "common/config/field.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

enum class Taste { kSweet, kSour };
constexpr std::array<Choice<Taste>, 2> kTastes = {
    {{"sweet", Taste::kSweet}, {"sour", Taste::kSour}}};

struct Fruit {
  int stones = 1;
  Taste taste = Taste::kSweet;
};

struct Tree {
  Fruit fruit;
  bool tall = false;
};

// A field that does not say whether it changes the mathematics, or whether clients get it, does not
// compile.
template <typename... Arguments>
concept MakesAFlag = requires(Arguments... arguments) {
  FlagField(arguments...);
};
static_assert(MakesAFlag<const char*, bool Tree::*, Mathematics, Clients, const char*>);
static_assert(!MakesAFlag<const char*, bool Tree::*, Clients, const char*>);
static_assert(!MakesAFlag<const char*, bool Tree::*, Mathematics, const char*>);
static_assert(!MakesAFlag<const char*, bool Tree::*, const char*>);
static_assert(!std::is_default_constructible_v<FieldSpec>);

FieldTable<Fruit> FruitFields() {
  return {WholeField("stones", &Fruit::stones, 0, 9, Mathematics::kYes, Clients::kNo, "in it"),
          WordField("taste", &Fruit::taste, kTastes, Mathematics::kNo, Clients::kYes, "of it")
              .WireName("flavour")};
}

TEST(FieldTest, GetsAndSetsItsMember) {
  Fruit fruit;
  const FieldTable<Fruit> fields = FruitFields();
  EXPECT_EQ(fields[0].get(fruit), Value(int64_t{1}));
  fields[0].set(int64_t{5}, &fruit);
  EXPECT_EQ(fruit.stones, 5);
  EXPECT_EQ(fields[1].get(fruit), Value(std::string("sweet")));
  fields[1].set(std::string("sour"), &fruit);
  EXPECT_EQ(fruit.taste, Taste::kSour);
}

TEST(FieldTest, TravelsUnderItsKeyUnlessItSaysOtherwise) {
  const FieldTable<Fruit> fields = FruitFields();
  EXPECT_EQ(fields[0].spec.wire_name, "stones");
  EXPECT_EQ(fields[1].spec.wire_name, "flavour");
}

TEST(FieldTest, IsReachedThroughALargerStruct) {
  Tree tree;
  const FieldTable<Tree> by_member = FieldsThrough<Tree>(&Tree::fruit, FruitFields());
  const FieldTable<Tree> by_function = FieldsThrough<Tree>(
      [](auto& outer) -> auto& { return outer.fruit; }, FruitFields());
  by_member[0].set(int64_t{7}, &tree);
  EXPECT_EQ(tree.fruit.stones, 7);
  EXPECT_EQ(by_function[0].get(tree), Value(int64_t{7}));
  EXPECT_EQ(by_function[1].spec.wire_name, "flavour");
}

TEST(FieldTest, APresetIsReachedToo) {
  Tree tree;
  FieldTable<Fruit> fields = FruitFields();
  fields[0].preset = [](Fruit* fruit) { fruit->taste = Taste::kSour; };
  FieldsThrough<Tree>(&Tree::fruit, fields)[0].preset(&tree);
  EXPECT_EQ(tree.fruit.taste, Taste::kSour);
  EXPECT_FALSE(FieldsThrough<Tree>(&Tree::fruit, fields)[1].preset);
}

}  // namespace
}  // namespace tributary

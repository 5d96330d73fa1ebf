#include "preparation/class_plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "preparation/shards/image.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

nlohmann::json Report(size_t classes) {
  std::vector<std::string> names;
  std::vector<int64_t> counts;
  for (size_t i = 0; i < classes; ++i) {
    names.push_back(absl::StrCat("<class & ", i, ">"));
    counts.push_back(static_cast<int64_t>(i));
  }
  nlohmann::json report = {{"dataset", "scans"},
                           {"class_names", names},
                           {"divergence", {{"mean", 0.25}}},
                           {"clients", nlohmann::json::array()}};
  for (const char* id : {"client-00", "client-01"}) {
    report["clients"].push_back({{"id", id}, {"samples", 45}, {"class_counts", counts}});
  }
  return report;
}

TEST(ClassPlotTest, CanBeDrawnWhateverTheNames) {
  for (const size_t classes : {0U, 1U, 10U, 100U}) {
    const std::string svg = ClassPlot(Report(classes));
    const auto image = DrawSvg(svg, 200);
    ASSERT_TRUE(image.ok()) << image.status();
    EXPECT_THAT(svg, HasSubstr("client-01"));
  }
}

TEST(ClassPlotTest, NamesTheClassesThatAreThere) {
  const std::string svg = ClassPlot(Report(10));
  EXPECT_THAT(svg, HasSubstr("&lt;class &amp; 9&gt;: 9"));
  EXPECT_THAT(svg, Not(HasSubstr("&lt;class &amp; 0&gt;: 0")));
  EXPECT_THAT(svg, HasSubstr("0.250 bits"));
}

TEST(ClassPlotTest, ALongLegendIsCut) {
  EXPECT_THAT(ClassPlot(Report(100)), HasSubstr("and 80 more"));
}

}  // namespace
}  // namespace tributary

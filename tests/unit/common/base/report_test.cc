#include "common/base/report.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/status.h"

namespace tributary {
namespace {

struct Report {
  int code;
  std::string out, err;
};

Report ReportOf(const absl::Status& status, bool json) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Report report{.code = ReportEnd("tributary-x", status, json), .out = "", .err = ""};
  report.out = testing::internal::GetCapturedStdout();
  report.err = testing::internal::GetCapturedStderr();
  return report;
}

TEST(ReportTest, SaysNothingWhereAllWentWell) {
  for (const bool json : {false, true}) {
    const Report report = ReportOf(absl::OkStatus(), json);
    EXPECT_EQ(report.code, kExitDone);
    EXPECT_EQ(report.out, "");
    EXPECT_EQ(report.err, "");
  }
}

TEST(ReportTest, AnErrorGoesToStandardErrorAfterTheProgramsName) {
  const Report report = ReportOf(absl::InvalidArgumentError("rounds is 0"), false);
  EXPECT_EQ(report.code, kExitUsage);
  EXPECT_EQ(report.out, "");
  EXPECT_EQ(report.err, "tributary-x: rounds is 0\n");
}

TEST(ReportTest, WithJsonItGoesToStandardOutputToo) {
  const Report report = ReportOf(absl::PermissionDeniedError("line 1\n\"line 2\""), true);
  EXPECT_EQ(report.code, kExitNotPermitted);
  EXPECT_EQ(report.err, "tributary-x: line 1\n\"line 2\"\n");
  EXPECT_EQ(report.out.find('\n'), report.out.size() - 1) << "one line";
  EXPECT_EQ(nlohmann::json::parse(report.out),
            nlohmann::json({{"kind", "error"}, {"message", "line 1\n\"line 2\""}}));
}

TEST(ReportTest, BytesThatAreNoUtf8DoNotBreakTheJson) {
  const Report report = ReportOf(absl::DataLossError("file \xff"), true);
  EXPECT_EQ(report.code, kExitUnusable);
  const nlohmann::json json = nlohmann::json::parse(report.out);
  EXPECT_EQ(json["message"], "file \xEF\xBF\xBD");
}

TEST(ReportTest, AnErrorWithoutAMessageStillFails) {
  const Report report = ReportOf(absl::InternalError(""), false);
  EXPECT_EQ(report.code, kExitFailed);
  EXPECT_EQ(report.err, "tributary-x: \n");
}

}  // namespace
}  // namespace tributary

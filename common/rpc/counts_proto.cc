#include "common/rpc/counts_proto.h"

#include <limits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

using Counts = google::protobuf::RepeatedField<uint64_t>;

Counts ToProto(const std::vector<int64_t>& counts) { return {counts.begin(), counts.end()}; }

// A negative number on the wire is a huge one here.
absl::StatusOr<int64_t> FromProto(uint64_t count, absl::string_view what) {
  if (count <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return static_cast<int64_t>(count);
  }
  return absl::InvalidArgumentError(absl::StrCat("counts.", what, " is ", count, ", too large"));
}

absl::StatusOr<std::vector<int64_t>> FromProto(const Counts& counts, absl::string_view what) {
  std::vector<int64_t> values;
  values.reserve(static_cast<size_t>(counts.size()));
  for (const uint64_t count : counts) {
    ASSIGN_OR_RETURN(const int64_t value, FromProto(count, what));
    values.push_back(value);
  }
  return values;
}

v1::RecallCounts ToProto(const RecallCounts& recall) {
  v1::RecallCounts proto;
  proto.set_queries(static_cast<uint64_t>(recall.queries));
  proto.set_hits1(recall.hits1);
  proto.set_hits5(recall.hits5);
  proto.set_hits10(recall.hits10);
  return proto;
}

absl::StatusOr<RecallCounts> FromProto(const v1::RecallCounts& proto) {
  RecallCounts recall{.hits1 = proto.hits1(), .hits5 = proto.hits5(), .hits10 = proto.hits10()};
  ASSIGN_OR_RETURN(recall.queries, FromProto(proto.queries(), "queries"));
  return recall;
}

v1::ClassCounts ToProto(const ClassCounts& counts) {
  v1::ClassCounts proto;
  proto.set_classes(static_cast<uint32_t>(counts.classes));
  proto.set_right(static_cast<uint64_t>(counts.right));
  proto.set_loss_sum(counts.loss_sum);
  *proto.mutable_confusion() = ToProto(counts.confusion);
  *proto.mutable_positives() = ToProto(counts.positives);
  *proto.mutable_negatives() = ToProto(counts.negatives);
  proto.mutable_auroc()->Assign(counts.auroc.begin(), counts.auroc.end());
  return proto;
}

absl::StatusOr<ClassCounts> FromProto(const v1::ClassCounts& proto) {
  ClassCounts counts{.classes = proto.classes(), .loss_sum = proto.loss_sum()};
  ASSIGN_OR_RETURN(counts.right, FromProto(proto.right(), "right"));
  ASSIGN_OR_RETURN(counts.confusion, FromProto(proto.confusion(), "confusion"));
  ASSIGN_OR_RETURN(counts.positives, FromProto(proto.positives(), "positives"));
  ASSIGN_OR_RETURN(counts.negatives, FromProto(proto.negatives(), "negatives"));
  counts.auroc.assign(proto.auroc().begin(), proto.auroc().end());
  return counts;
}

v1::RetrievalCounts ToProto(const RetrievalCounts& counts) {
  v1::RetrievalCounts proto;
  *proto.mutable_i2t() = ToProto(counts.i2t);
  *proto.mutable_t2i() = ToProto(counts.t2i);
  proto.set_images(static_cast<uint64_t>(counts.images));
  proto.set_captions(static_cast<uint64_t>(counts.captions));
  proto.set_loss_sum(counts.loss_sum);
  return proto;
}

absl::StatusOr<RetrievalCounts> FromProto(const v1::RetrievalCounts& proto) {
  RetrievalCounts counts{.loss_sum = proto.loss_sum()};
  ASSIGN_OR_RETURN(counts.i2t, FromProto(proto.i2t()));
  ASSIGN_OR_RETURN(counts.t2i, FromProto(proto.t2i()));
  ASSIGN_OR_RETURN(counts.images, FromProto(proto.images(), "images"));
  ASSIGN_OR_RETURN(counts.captions, FromProto(proto.captions(), "captions"));
  return counts;
}

}  // namespace

v1::TaskCounts CountsToProto(const TaskCounts& counts) {
  v1::TaskCounts proto;
  proto.set_samples(static_cast<uint64_t>(counts.samples));
  if (counts.classification.has_value()) {
    *proto.mutable_classification() = ToProto(*counts.classification);
  }
  if (counts.retrieval.has_value()) *proto.mutable_retrieval() = ToProto(*counts.retrieval);
  return proto;
}

absl::StatusOr<TaskCounts> CountsFromProto(const v1::TaskCounts& proto) {
  if (proto.has_classification() == proto.has_retrieval()) {
    return absl::InvalidArgumentError(
        "counts hold neither or both of classification and retrieval; expected one of them");
  }
  TaskCounts counts;
  ASSIGN_OR_RETURN(counts.samples, FromProto(proto.samples(), "samples"));
  if (proto.has_classification()) {
    ASSIGN_OR_RETURN(counts.classification, FromProto(proto.classification()));
  } else {
    ASSIGN_OR_RETURN(counts.retrieval, FromProto(proto.retrieval()));
  }
  return counts;
}

}  // namespace tributary

// Large JSON, element by element: the whole is never held as a tree of values.
//
// One element of an array (an annotation of COCO's captions) becomes a tree, within the bounds of
// json_value.h; all else is passed over as it is read.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace tributary {

// An array in the object that the text is, and what is called with each of its elements.
struct JsonArray {
  std::string key;
  std::function<void(nlohmann::json element)> visit;
};

// Visits the elements of `arrays` in the order of `text`. DataLoss where the text is broken or cut
// short (with byte and line), too deep or an element too large; what stands before has been
// visited. InvalidArgument, with the keys that there are, if one of the arrays is missing. Messages
// begin with `name`.
absl::Status VisitJsonArrays(absl::string_view text, const std::string& name,
                             const std::vector<JsonArray>& arrays);

}  // namespace tributary

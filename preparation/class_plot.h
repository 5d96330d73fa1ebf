// The clients' samples by class as a picture.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace tributary {

// An SVG: a bar for each client of Prepare()'s `report`, cut by class where there are classes, and
// a legend of the classes' names (of the 20 largest, where there are more).
std::string ClassPlot(const nlohmann::json& report);

}  // namespace tributary

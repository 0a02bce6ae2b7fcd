#include "data/class_warnings.h"

#include <fmt/format.h>

#include "core/text.h"
#include "data/near_duplicates.h"
#include "data/sets/findings.h"

namespace tessera {
namespace {

std::vector<std::int64_t> images_of_classes(const Dataset& dataset) {
  std::vector<std::int64_t> counts(dataset.class_names().size());
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    ++counts[static_cast<std::size_t>(dataset.label(i))];
  }
  return counts;
}

}  // namespace

std::vector<std::string> class_warnings(const Dataset& training, const Dataset* validation) {
  constexpr std::size_t kMost = 5;
  const std::vector<std::string>& names = training.class_names();
  std::vector<std::string> lines;
  const auto alike = alike_names(names);
  for (std::size_t i = 0; i < std::min(kMost, alike.size()); ++i) {
    lines.push_back(fmt::format("classes {} and {} have nearly the same name: is one meant?",
                                quoted(names[alike[i].first]), quoted(names[alike[i].second])));
  }
  if (alike.size() > kMost) {
    lines.push_back(fmt::format("and {} more pairs of classes", alike.size() - kMost));
  }
  if (validation == nullptr || training.target_kind() != TargetKind::kClass) return lines;
  const std::vector<std::int64_t> trained = images_of_classes(training);
  const std::vector<std::int64_t> validated = images_of_classes(*validation);
  std::vector<std::string> missing;
  for (std::size_t k = 0; k < names.size(); ++k) {
    if (trained[k] > 0 && validated[k] == 0) missing.push_back(names[k]);
  }
  if (!missing.empty()) {
    lines.push_back(counted_names(missing, "class has no validation image",
                                  "classes have no validation image") +
                    "; nothing tells how well that is learned");
  }
  return lines;
}

}  // namespace tessera

#include "data/sets/split_plan.h"

#include <algorithm>
#include <array>

#include "core/text.h"
#include "data/sets/skip_list.h"
#include "files/file.h"

namespace tessera {
namespace {

constexpr std::array kTrainNames = {"train", "training"};
constexpr std::array kValNames = {"val", "valid", "validation"};
constexpr std::array kTestNames = {"test", "testing"};

}  // namespace

std::span<const char* const> names_of_part(Split part) {
  switch (part) {
    case Split::kTrain:
      return kTrainNames;
    case Split::kVal:
      return kValNames;
    case Split::kTest:
      break;
  }
  return kTestNames;
}

Split stored_part(const DataConfig& config, Split split, const Parts& parts,
                  const std::string& root) {
  if (holds_out(config) && parts.val) {
    fail<DataError>(
        "[data] {} has validation images of its own; leave data.val_split and "
        "data.folds out",
        root);
  }
  if (split == Split::kTrain) return Split::kTrain;
  if (split == Split::kTest && parts.test) return Split::kTest;
  if (parts.val) return Split::kVal;
  if (holds_out(config)) return Split::kTrain;
  if (parts.test) return Split::kTest;
  fail<DataError>(
      "[data] {}: neither val nor test beside train; data.val_split: 0.1 holds a share "
      "of training out",
      root);
}

bool parts_coincide(const DataConfig& config, const Parts& parts) {
  return !(parts.test && (parts.val || holds_out(config)));
}

std::unordered_set<std::string> paths_to_skip(const DataConfig& config) {
  std::unordered_set<std::string> paths;
  if (config.skip.empty()) return paths;
  for (std::string& path :
       parse_skip_list(read_file(config.skip, kMaxListBytes), shown(config.skip))) {
    paths.insert(std::move(path));
  }
  return paths;
}

const std::string& list_of(const DataConfig& config, Split part) {
  return part == Split::kTrain ? config.train_list
         : part == Split::kVal ? config.val_list
                               : config.test_list;
}

}  // namespace tessera

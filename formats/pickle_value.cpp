#include "formats/pickle_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/error.h"
#include "core/text.h"

namespace tessera {
namespace {

using Kind = PickleValue::Kind;

constexpr std::size_t kMostValues = 4'000'000;
constexpr std::size_t kMostTensors = 100'000;
constexpr std::size_t kMostNameBytes = 1000;
constexpr std::size_t kMostDimensions = 8;
constexpr int kMostNesting = 8;

// State dictionaries, and the settings of timm's and the official training scripts, which stand
// beside them.
constexpr std::array<std::string_view, 3> kDictionaries{
    "collections OrderedDict", "argparse Namespace", "yacs.config CfgNode"};
constexpr std::string_view kRebuildTensor = "torch._utils _rebuild_tensor_v2";
constexpr std::string_view kRebuildParameter = "torch._utils _rebuild_parameter";
constexpr std::string_view kSize = "torch Size";

constexpr std::array kStorages{
    std::pair{std::string_view("torch DoubleStorage"), StoredType::kF64},
    std::pair{std::string_view("torch FloatStorage"), StoredType::kF32},
    std::pair{std::string_view("torch HalfStorage"), StoredType::kF16},
    std::pair{std::string_view("torch BFloat16Storage"), StoredType::kBF16},
    std::pair{std::string_view("torch LongStorage"), StoredType::kI64},
    std::pair{std::string_view("torch IntStorage"), StoredType::kI32},
    std::pair{std::string_view("torch ShortStorage"), StoredType::kI16},
    std::pair{std::string_view("torch CharStorage"), StoredType::kI8},
    std::pair{std::string_view("torch ByteStorage"), StoredType::kU8},
    std::pair{std::string_view("torch BoolStorage"), StoredType::kBool},
};

bool is_dictionary(std::string_view global) {
  return std::find(kDictionaries.begin(), kDictionaries.end(), global) != kDictionaries.end();
}

const auto* storage_row(std::string_view global) {
  const auto* found = std::find_if(kStorages.begin(), kStorages.end(),
                                   [&](const auto& row) { return row.first == global; });
  return found == kStorages.end() ? nullptr : found;
}

}  // namespace

template <typename... Args>
void PickleValues::stop(fmt::format_string<Args...> format, Args&&... args) const {
  fail<CheckpointError>("[pickle] {}: {}", path_, fmt::format(format, std::forward<Args>(args)...));
}

PickleValues::Id PickleValues::add(PickleValue value) {
  if (values_.size() >= kMostValues) stop("more than {} values", kMostValues);
  values_.push_back(std::move(value));
  return static_cast<Id>(values_.size() - 1);
}

void PickleValues::extend(Id target, const std::vector<Id>& items) {
  std::vector<Id>& list = values_[target].items;
  list.insert(list.end(), items.begin(), items.end());
}

const std::string& PickleValues::text(Id id) const {
  if (values_[id].kind != Kind::kText) stop("expected a text");
  return values_[id].text;
}

std::int64_t PickleValues::integer(Id id, std::string_view what) const {
  if (values_[id].kind != Kind::kInteger || values_[id].integer < 0) {
    stop("{} is not a number >= 0", what);
  }
  return values_[id].integer;
}

std::vector<std::int64_t> PickleValues::integers(Id id, std::string_view what) const {
  const PickleValue& tuple = values_[id];
  if (tuple.kind != Kind::kTuple || tuple.items.size() > kMostDimensions) {
    stop("{} is not a tuple of at most {} numbers", what, kMostDimensions);
  }
  std::vector<std::int64_t> numbers;
  for (const Id item : tuple.items) numbers.push_back(integer(item, what));
  return numbers;
}

PickleValues::Id PickleValues::add_global(const std::string& module, const std::string& name) {
  const std::string global = fmt::format("{} {}", module, name);
  if (!is_dictionary(global) && global != kRebuildTensor && global != kRebuildParameter &&
      global != kSize && storage_row(global) == nullptr) {
    stop("{}.{} is not read: only tensors in dictionaries are; save the model's state_dict()",
         quoted(module), quoted(name));
  }
  return add({.kind = Kind::kGlobal, .text = global});
}

PickleValues::Id PickleValues::add_storage(Id description) {
  const PickleValue& tuple = values_[description];
  if (tuple.kind != Kind::kTuple || tuple.items.size() != 5 || text(tuple.items[0]) != "storage" ||
      values_[tuple.items[1]].kind != Kind::kGlobal) {
    stop("expected ('storage', type, entry, device, elements)");
  }
  const auto* row = storage_row(values_[tuple.items[1]].text);
  if (row == nullptr) stop("{} is no storage", quoted(values_[tuple.items[1]].text));
  PickledTensor storage;
  storage.type = row->second;
  storage.storage = text(tuple.items[2]);
  storage.storage_size = integer(tuple.items[4], "the size of a storage");
  if (storage.storage.size() > kMostNameBytes) stop("a storage's name is too long");
  if (tensors_.size() >= kMostTensors) stop("more than {} tensors", kMostTensors);
  tensors_.push_back(std::move(storage));
  return add({.kind = Kind::kStorage, .integer = static_cast<std::int64_t>(tensors_.size() - 1)});
}

// (storage, offset, shape, strides, requires_grad, backward_hooks)
PickleValues::Id PickleValues::add_tensor(const std::vector<Id>& arguments) {
  if (arguments.size() < 6 || values_[arguments[0]].kind != Kind::kStorage) {
    stop("a tensor without a storage, shape and strides");
  }
  PickledTensor tensor = tensors_[static_cast<std::size_t>(values_[arguments[0]].integer)];
  tensor.offset = integer(arguments[1], "the offset of a tensor");
  tensor.shape = integers(arguments[2], "the shape of a tensor");
  tensor.strides = integers(arguments[3], "strides");
  if (tensor.shape.size() != tensor.strides.size()) stop("a tensor's strides do not fit its shape");
  if (tensors_.size() >= kMostTensors) stop("more than {} tensors", kMostTensors);
  tensors_.push_back(std::move(tensor));
  return add({.kind = Kind::kTensor, .integer = static_cast<std::int64_t>(tensors_.size() - 1)});
}

PickleValues::Id PickleValues::call(Id function, Id arguments) {
  if (values_[function].kind != Kind::kGlobal || values_[arguments].kind != Kind::kTuple) {
    stop("a call of what is no function");
  }
  const std::string& name = values_[function].text;
  const std::vector<Id> items = values_[arguments].items;
  if (name == kRebuildTensor) return add_tensor(items);
  if (is_dictionary(name) && items.empty()) return add({.kind = Kind::kDict});
  if (name == kSize && items.size() == 1) return items[0];
  if (name == kRebuildParameter && !items.empty() && values_[items[0]].kind == Kind::kTensor) {
    return items[0];
  }
  stop("{} called with {} arguments", name, items.size());
}

std::vector<PickledTensor> PickleValues::tensors_in(Id root) const {
  struct Place {
    Id value;
    std::string name;
    int depth;
  };
  std::vector<PickledTensor> found;
  std::vector<Place> open{{root, "", 0}};
  for (std::size_t seen = 0; !open.empty(); ++seen) {
    const Place place = std::move(open.back());
    open.pop_back();
    const PickleValue& value = values_[place.value];
    if (value.kind == Kind::kTensor) {
      found.push_back(tensors_[static_cast<std::size_t>(value.integer)]);
      found.back().name = place.name.empty() ? "tensor" : place.name;
    }
    if (value.kind != Kind::kDict) continue;
    if (place.depth >= kMostNesting) stop("dictionaries in each other, more than {}", kMostNesting);
    // The last is taken first from `open`.
    for (std::size_t i = value.items.size(); i >= 2; i -= 2) {
      const PickleValue& key = values_[value.items[i - 2]];
      const Id inner = value.items[i - 1];
      if (values_[inner].kind != Kind::kTensor && values_[inner].kind != Kind::kDict) continue;
      if (key.kind != Kind::kText && key.kind != Kind::kInteger) continue;
      const std::string word = key.kind == Kind::kText ? key.text : std::to_string(key.integer);
      std::string name = place.depth == 0 ? word : fmt::format("{}.{}", place.name, word);
      if (name.size() > kMostNameBytes) stop("a name of {} bytes", name.size());
      open.push_back({inner, std::move(name), place.depth + 1});
    }
    if (found.size() + open.size() + seen > kMostTensors)
      stop("more than {} tensors", kMostTensors);
  }
  return found;
}

}  // namespace tessera

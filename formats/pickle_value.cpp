#include "formats/pickle_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "formats/pickle_names.h"

namespace tessera {
namespace {

using Kind = PickleValue::Kind;

constexpr std::size_t kMostValues = 4'000'000;
constexpr std::size_t kMostTensors = 100'000;
constexpr std::size_t kMostNameBytes = 1000;
constexpr std::size_t kMostDimensions = 8;
constexpr int kMostNesting = 8;

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
  if (!pickle_name(global)) {
    stop(
        "{}.{} is not read: only tensors in dictionaries are; save them alone, with "
        "torch.save(model.state_dict(), 'weights.pth')",
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
  const std::string& global = values_[tuple.items[1]].text;
  if (pickle_name(global) != PickleName::kStorage) stop("{} is no storage", quoted(global));
  const auto type = storage_type(global);
  if (!type) return add({.kind = Kind::kPassedOver});
  PickledTensor storage;
  storage.type = *type;
  storage.storage = text(tuple.items[2]);
  storage.storage_size = integer(tuple.items[4], "the size of a storage");
  if (storage.storage.size() > kMostNameBytes) stop("a storage's name is too long");
  if (tensors_.size() >= kMostTensors) stop("more than {} tensors", kMostTensors);
  tensors_.push_back(std::move(storage));
  return add({.kind = Kind::kStorage, .integer = static_cast<std::int64_t>(tensors_.size() - 1)});
}

// (storage, offset, shape, strides, requires_grad, backward_hooks)
PickleValues::Id PickleValues::add_tensor(const std::vector<Id>& arguments) {
  if (!arguments.empty() && values_[arguments[0]].kind == Kind::kPassedOver) return arguments[0];
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
  const auto kind_at = [&](std::size_t i) { return values_[items[i]].kind; };
  switch (*pickle_name(name)) {
    case PickleName::kDictionary:
      if (items.empty()) return add({.kind = Kind::kDict});
      break;
    case PickleName::kArgumentDictionary:
      return add({.kind = Kind::kDict});
    case PickleName::kPassedOver:
      return add({.kind = Kind::kPassedOver});
    case PickleName::kRebuildTensor:
      return add_tensor(items);
    case PickleName::kRebuildSubclass:
      if (items.size() >= 3 && kind_at(0) == Kind::kGlobal && kind_at(2) == Kind::kTuple &&
          pickle_name(values_[items[0]].text) == PickleName::kRebuildTensor) {
        return add_tensor(std::vector<Id>(values_[items[2]].items));
      }
      break;
    case PickleName::kRebuildParameter:
      if (!items.empty() && kind_at(0) == Kind::kTensor) return items[0];
      break;
    case PickleName::kSize:
      if (items.size() == 1) return items[0];
      break;
    case PickleName::kStorage:
    case PickleName::kTensorClass:
      break;
  }
  stop("{} called with {} arguments", name, items.size());
}

bool PickleValues::holds_tensors(Id id) const {
  const PickleValue& value = values_[id];
  if (value.kind == Kind::kTensor || value.kind == Kind::kDict) return true;
  if (value.kind != Kind::kList && value.kind != Kind::kTuple) return false;
  return std::any_of(value.items.begin(), value.items.end(), [&](Id item) {
    return values_[item].kind == Kind::kTensor || values_[item].kind == Kind::kDict;
  });
}

std::vector<PickledTensor> PickleValues::tensors_in(Id root) const {
  struct Place {
    Id value;
    std::string name;
    int depth;
  };
  std::vector<bool> holds(values_.size());
  for (std::size_t id = 0; id < values_.size(); ++id)
    holds[id] = holds_tensors(static_cast<Id>(id));
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
    const bool is_dict = value.kind == Kind::kDict;
    if (!is_dict && value.kind != Kind::kList && value.kind != Kind::kTuple) continue;
    if (place.depth >= kMostNesting) stop("dictionaries in each other, more than {}", kMostNesting);
    // The last is taken first from `open`.
    const std::size_t step = is_dict ? 2 : 1;
    for (std::size_t i = value.items.size(); i >= step; i -= step) {
      const Id inner = value.items[i - 1];
      if (!holds[inner]) continue;
      std::string word = std::to_string(i - 1);
      if (is_dict) {
        const PickleValue& key = values_[value.items[i - 2]];
        if (key.kind != Kind::kText && key.kind != Kind::kInteger) continue;
        word = key.kind == Kind::kText ? key.text : std::to_string(key.integer);
      }
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

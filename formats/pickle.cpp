#include "formats/pickle.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "core/error.h"
#include "formats/pickle_opcode.h"
#include "formats/pickle_value.h"

namespace tessera {
namespace {

using Id = PickleValues::Id;
using Kind = PickleValue::Kind;
using enum PickleOpcode;

/// The stack machine that a pickle is a program for.
class Machine {
 public:
  Machine(std::span<const std::byte> bytes, const std::string& path)
      : bytes_(bytes), values_(path), path_(path) {}

  /// Runs to the end and returns the dictionary or tensor that was built.
  Id run() {
    while (true) {
      const auto opcode = static_cast<PickleOpcode>(take(1)[0]);
      if (opcode == kStop) return pop();
      if (!run_data(opcode) && !run_stack(opcode) && !run_objects(opcode)) {
        stop("instruction 0x{:02x} is not one that PyTorch writes for tensors",
             static_cast<unsigned>(opcode));
      }
    }
  }

  const PickleValues& values() const { return values_; }

 private:
  template <typename... Args>
  [[noreturn]] void stop(fmt::format_string<Args...> format, Args&&... args) const {
    fail<CheckpointError>("[pickle] {}: at byte {}: {}", path_, place_,
                          fmt::format(format, std::forward<Args>(args)...));
  }

  std::span<const std::byte> take(std::uint64_t count) {
    if (count > bytes_.size() - place_) stop("the pickle ends too early");
    const auto part = bytes_.subspan(place_, count);
    place_ += count;
    return part;
  }

  template <typename T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }

  void push(Id value) { stack_.push_back(value); }
  void push(PickleValue value) { push(values_.add(std::move(value))); }
  void push_text(std::uint64_t size) {
    const auto text = take(size);
    push({.kind = Kind::kText,
          .text = std::string(reinterpret_cast<const char*>(text.data()), text.size())});
  }
  void push_integer(std::int64_t value) { push({.kind = Kind::kInteger, .integer = value}); }

  Id pop() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) stop("the stack is empty");
    const Id value = stack_.back();
    stack_.pop_back();
    return value;
  }

  std::vector<Id> pop_many(std::size_t count) {
    std::vector<Id> many(count);
    for (std::size_t i = count; i-- > 0;) many[i] = pop();
    return many;
  }

  std::vector<Id> pop_to_mark() {
    if (marks_.empty()) stop("the stack has no mark");
    const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<Id> many(first, stack_.end());
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return many;
  }

  void push_tuple(std::vector<Id> items) {
    push({.kind = Kind::kTuple, .items = std::move(items)});
  }

  /// Adds to the list or dictionary on top of the stack.
  void extend(Kind kind, const std::vector<Id>& items) {
    const Id target = pop();
    if (values_[target].kind == Kind::kPassedOver) return push(target);
    if (values_[target].kind != kind || (kind == Kind::kDict && items.size() % 2 != 0)) {
      stop("there is nothing to add items to");
    }
    values_.extend(target, items);
    push(target);
  }

  void remember(std::uint32_t key) {
    const Id value = pop();
    memo_[key] = value;
    push(value);
  }

  void recall(std::uint32_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) stop("nothing was remembered as {}", key);
    push(found->second);
  }

  /// One that does not fit in 64 bits, such as a seed, is no size or place of a tensor.
  void push_long(std::uint64_t size) {
    const auto part = take(size);
    if (size > sizeof(std::int64_t)) return push(PickleValue{.kind = Kind::kOther});
    const bool negative = size > 0 && (part[size - 1u] & std::byte{0x80}) != std::byte{0};
    std::int64_t value = negative ? -1 : 0;
    if (size > 0) std::memcpy(&value, part.data(), size);
    push_integer(value);
  }

  void push_passed_over() { push(PickleValue{.kind = Kind::kPassedOver}); }

  std::string line() {
    const auto rest = bytes_.subspan(place_);
    const auto end = std::find(rest.begin(), rest.end(), std::byte{'\n'});
    const auto part = take(static_cast<std::uint64_t>(end - rest.begin()));
    take(1);
    return {reinterpret_cast<const char*>(part.data()), part.size()};
  }

  /// Plain values.
  bool run_data(PickleOpcode opcode) {
    switch (opcode) {
      case kNone:
      case kBinFloat:
        if (opcode == kBinFloat) take(8);
        return push(PickleValue{.kind = Kind::kOther}), true;
      case kNewTrue:
      case kNewFalse:
        return push_integer(opcode == kNewTrue ? 1 : 0), true;
      case kBinInt:
        return push_integer(number<std::int32_t>()), true;
      case kBinInt1:
        return push_integer(number<std::uint8_t>()), true;
      case kBinInt2:
        return push_integer(number<std::uint16_t>()), true;
      case kLong1:
        return push_long(number<std::uint8_t>()), true;
      case kLong4:
        return push_long(number<std::uint32_t>()), true;
      case kShortBinUnicode:
      case kShortBinString:
      case kShortBinBytes:
        return push_text(number<std::uint8_t>()), true;
      case kBinUnicode:
      case kBinString:
      case kBinBytes:
        return push_text(number<std::uint32_t>()), true;
      case kBinUnicode8:
      case kBinBytes8:
      case kByteArray8:
        return push_text(number<std::uint64_t>()), true;
      case kEmptyList:
        return push(PickleValue{.kind = Kind::kList}), true;
      case kEmptyDict:
        return push(PickleValue{.kind = Kind::kDict}), true;
      case kEmptyTuple:
        return push_tuple({}), true;
      case kEmptySet:
        return push_passed_over(), true;
      default:
        return false;
    }
  }

  /// What moves values about or puts them together.
  bool run_stack(PickleOpcode opcode) {
    switch (opcode) {
      case kProto:
        return take(1), true;
      case kFrame:
        return take(8), true;
      case kMark:
        return marks_.push_back(stack_.size()), true;
      case kTuple1:
        return push_tuple(pop_many(1)), true;
      case kTuple2:
        return push_tuple(pop_many(2)), true;
      case kTuple3:
        return push_tuple(pop_many(3)), true;
      case kTuple:
        return push_tuple(pop_to_mark()), true;
      case kAppend:
        return extend(Kind::kList, pop_many(1)), true;
      case kAppends:
        return extend(Kind::kList, pop_to_mark()), true;
      case kAddItems:
        return extend(Kind::kPassedOver, pop_to_mark()), true;
      case kFrozenSet:
        pop_to_mark();
        return push_passed_over(), true;
      case kSetItem:
        return extend(Kind::kDict, pop_many(2)), true;
      case kSetItems:
        return extend(Kind::kDict, pop_to_mark()), true;
      case kBinPut:
        return remember(number<std::uint8_t>()), true;
      case kLongBinPut:
        return remember(number<std::uint32_t>()), true;
      case kMemoize:
        return remember(static_cast<std::uint32_t>(memo_.size())), true;
      case kBinGet:
        return recall(number<std::uint8_t>()), true;
      case kLongBinGet:
        return recall(number<std::uint32_t>()), true;
      default:
        return false;
    }
  }

  /// What would run code in Python: only the names that PickleValues knows, and only as data.
  bool run_objects(PickleOpcode opcode) {
    switch (opcode) {
      case kGlobal: {
        const std::string module = line();
        return push(values_.add_global(module, line())), true;
      }
      case kStackGlobal: {
        const std::vector<Id> names = pop_many(2);
        return push(values_.add_global(values_.text(names[0]), values_.text(names[1]))), true;
      }
      case kBinPersid:
        return push(values_.add_storage(pop())), true;
      case kReduce:
      case kNewObj: {
        const std::vector<Id> call = pop_many(2);
        return push(values_.call(call[0], call[1])), true;
      }
      case kBuild: {
        // Attributes, of state dictionaries and of settings, are of no use here.
        const std::vector<Id> both = pop_many(2);
        const Kind kind = values_[both[0]].kind;
        if (kind != Kind::kDict && kind != Kind::kPassedOver) {
          stop("attributes for what is no dictionary");
        }
        return push(both[0]), true;
      }
      default:
        return false;
    }
  }

  std::span<const std::byte> bytes_;
  std::size_t place_ = 0;
  PickleValues values_;
  const std::string& path_;
  std::vector<Id> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint32_t, Id> memo_;
};

}  // namespace

std::vector<PickledTensor> read_pickle(std::span<const std::byte> bytes, const std::string& path) {
  constexpr std::size_t kMostBytes = std::size_t{64} << 20;
  if (bytes.size() > kMostBytes) {
    fail<CheckpointError>("[pickle] {}: {} bytes beside the tensors, the most is {}", path,
                          bytes.size(), kMostBytes);
  }
  Machine machine(bytes, path);
  const Id root = machine.run();
  return machine.values().tensors_in(root);
}

}  // namespace tessera

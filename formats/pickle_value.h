// What a pickle builds: plain values and descriptions of tensors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "formats/pickle.h"

namespace tessera {

struct PickleValue {
  enum class Kind : std::uint8_t {
    kOther,       ///< None, floats and large integers, which nothing is needed of
    kPassedOver,  ///< an object, or a set, of no use here: takes what is put into it
    kInteger,
    kText,
    kTuple,
    kList,
    kDict,     ///< items are key, value, key, value, ...
    kGlobal,   ///< text is the module and the name: `torch FloatStorage`
    kStorage,  ///< integer is an index among the storages
    kTensor,   ///< integer is an index among the tensors
  };
  Kind kind = Kind::kOther;
  std::int64_t integer = 0;
  std::string text{};
  std::vector<std::uint32_t> items{};
};

/// All values of one pickle; they refer to each other by number, so that neither nesting nor loops
/// cost stack. Every function throws CheckpointError for what PyTorch does not write.
class PickleValues {
 public:
  using Id = std::uint32_t;

  /// `path` names the file in messages and must outlive this.
  explicit PickleValues(const std::string& path) : path_(path) {}

  const PickleValue& operator[](Id id) const { return values_[id]; }

  Id add(PickleValue value);
  void extend(Id target, const std::vector<Id>& items);

  const std::string& text(Id id) const;

  /// A name of Python's, if it is one of the few that are known.
  Id add_global(const std::string& module, const std::string& name);

  /// Of ('storage', type, entry, device, elements).
  Id add_storage(Id description);

  /// What PyTorch's function `function` would return for the tuple `arguments`.
  Id call(Id function, Id arguments);

  /// See read_pickle.
  std::vector<PickledTensor> tensors_in(Id root) const;

 private:
  template <typename... Args>
  [[noreturn]] void stop(fmt::format_string<Args...> format, Args&&... args) const;
  bool holds_tensors(Id id) const;
  std::int64_t integer(Id id, std::string_view what) const;
  std::vector<std::int64_t> integers(Id id, std::string_view what) const;
  Id add_tensor(const std::vector<Id>& arguments);

  const std::string& path_;
  std::vector<PickleValue> values_;
  std::vector<PickledTensor> tensors_;  // storages, too: without a shape
};

}  // namespace tessera

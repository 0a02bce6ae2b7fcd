#include "data/hold_out.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "core/rng.h"

namespace tessera {
namespace {

constexpr std::uint32_t kShareLane = 1;
constexpr std::uint32_t kFoldLane = 2;

using Members = std::vector<std::size_t>;

std::vector<Members> members_of(std::span<const std::int64_t> classes) {
  std::vector<Members> members;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const auto number = static_cast<std::size_t>(classes[i]);
    if (number >= members.size()) members.resize(number + 1);
    members[number].push_back(i);
  }
  return members;
}

/// Brings a random choice of `count` to the front, in a random order.
void draw(Members& members, std::size_t count, Rng rng) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto rest = static_cast<std::uint32_t>(members.size() - i);
    std::swap(members[i], members[i + rng.below(rest)]);
  }
}

}  // namespace

bool holds_out(const DataConfig& config) { return config.val_split > 0.0 || config.folds > 1; }

std::vector<bool> held_out(std::span<const std::int64_t> classes, const DataConfig& config) {
  std::vector<bool> out(classes.size());
  std::vector<Members> members = members_of(classes);
  std::size_t dealt = 0;  // images over all classes, so that the parts stay equal
  for (std::size_t c = 0; c < members.size(); ++c) {
    Members& own = members[c];
    const auto rng = [&](std::uint32_t draw) {
      return Rng(config.split_seed, Stream::kShuffle, c, 0, draw);
    };
    if (config.folds > 1) {
      draw(own, own.size(), rng(kFoldLane));
      for (const std::size_t i : own) {
        out[i] = dealt++ % static_cast<std::size_t>(config.folds) ==
                 static_cast<std::size_t>(config.fold);
      }
    } else if (config.val_split > 0.0 && own.size() > 1) {
      const auto count = static_cast<std::int64_t>(own.size());
      const auto share = std::llround(config.val_split * static_cast<double>(count));
      const auto wanted = static_cast<std::size_t>(std::clamp<std::int64_t>(share, 1, count - 1));
      draw(own, wanted, rng(kShareLane));
      for (std::size_t i = 0; i < wanted; ++i) out[own[i]] = true;
    }
  }
  return out;
}

}  // namespace tessera

// The table of names: a row a tensor, a column a naming.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/weights/naming.h"

namespace tessera {

inline constexpr std::size_t kNamings = 6;

/// Where a row holds.
enum class RowUse : std::uint8_t {
  kAlways,
  kV1,            ///< not in Swin v2
  kV2,            ///< in Swin v2 alone, whose keys have no bias
  kNormLast,      ///< one norm, behind the last stage
  kNormEach,      ///< one behind each stage that a head reads
  kStatistics,    ///< written of heads whose norms have running statistics
  kNoStatistics,  ///< written of those whose norms have none
};

/// Patterns (see match_name), in the order of Naming: names after any prefix, empty where a naming
/// has none. A leading `@` stands for what the names of a block begin with. Where a pattern has
/// three words, `query|key|value`, these are the thirds of Tessera's tensor.
struct NameRow {
  std::array<std::string_view, kNamings> names;
  RowUse use = RowUse::kAlways;
};

/// Another name that files have for a tensor: read, never written.
struct OtherSpelling {
  Naming naming;
  std::string_view tessera;
  std::string_view theirs;
};

/// What is known of the names of a kind of model. Of several rows that fit a name the first counts.
struct NameTable {
  std::span<const std::string_view> blocks;  ///< what `@` stands for, in the order of Naming
  std::span<const NameRow> backbone;
  std::span<const NameRow> head;
  std::span<const OtherSpelling> others;
};

/// Swin and Swin v2 share theirs.
const NameTable& name_table(Architecture architecture);

/// A row of one naming.
struct NamePair {
  std::string ours;
  std::string theirs;  ///< may be empty
  RowUse use = RowUse::kAlways;
  bool head = false;
  bool written = true;
};

/// All rows of `naming`, made once.
const std::vector<NamePair>& name_pairs(Architecture architecture, Naming naming);

}  // namespace tessera

#include "formats/weights/recognise.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>

#include "formats/weights/name_pattern.h"
#include "formats/weights/name_rows.h"

namespace tessera {
namespace {

/// In the order in which they are preferred where nothing tells them apart: a single stage without
/// a merge and a head, a plain ViT, which timm names as Tessera does.
constexpr std::array kOrder{Naming::kTessera, Naming::kTorchvision, Naming::kOfficial,
                            Naming::kTimm,    Naming::kOpenMmlab,   Naming::kHuggingFace};

/// Names after one prefix read in one naming.
struct Candidate {
  std::string prefix;
  Architecture architecture = Architecture::kSwin;  // or kViT
  std::size_t order = 0;                            // of the naming
  std::size_t first = 0;                            // index of the first name
  std::set<std::string> found{};                    // Tessera's names
  int stages = 0;
  bool has_blocks = false;
  std::optional<std::string> head_prefix{};  // where a head of the naming stands

  Naming naming() const { return kOrder[order]; }

  /// A last stage has no merge: timm's names are not taken for the official ones.
  std::size_t count() const {
    const std::string merge = "stages." + std::to_string(stages - 1) + ".downsample.";
    return found.size() -
           static_cast<std::size_t>(std::count_if(
               found.begin(), found.end(), [&](const auto& n) { return n.starts_with(merge); }));
  }
};

using Key = std::tuple<std::string, bool, std::size_t>;  // prefix, ViT or not, naming's order
using Candidates = std::map<Key, Candidate>;

/// What Tessera calls `name`, whatever the version and the norms of the model.
std::optional<std::string> read_backbone(std::string_view name, Architecture architecture,
                                         Naming naming) {
  for (const NamePair& pair : name_pairs(architecture, naming)) {
    // One of several norms, or the only one: see scheme_of.
    if (pair.head || (pair.use == RowUse::kNormLast && naming == Naming::kOpenMmlab)) continue;
    if (const auto match = match_name(pair.theirs, name)) return expand_name(pair.ours, *match);
  }
  return std::nullopt;
}

/// What can be worked out again does not count.
void note(Candidate& candidate, const std::string& name) {
  if (is_buffer(name)) return;
  candidate.found.insert(name);
  const auto stage = match_name("stages.{S}", name.substr(0, name.find(".blocks.")));
  if (stage) candidate.stages = std::max(candidate.stages, stage->numbers.stage + 1);
  candidate.has_blocks |= stage || name.starts_with("blocks.");
}

Candidates collect(std::span<const std::string> names, std::optional<Naming> only,
                   std::string_view within) {
  Candidates candidates;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string_view name = names[i];
    if (!name.starts_with(within)) continue;
    for (std::size_t cut = within.size(); cut < name.size(); ++cut) {
      if (cut > within.size() && name[cut - 1] != '.' && name[cut - 1] != '/') continue;
      for (const bool vit : {false, true}) {
        for (std::size_t order = 0; order < kOrder.size(); ++order) {
          if (only && kOrder[order] != *only) continue;
          const Architecture architecture = vit ? Architecture::kViT : Architecture::kSwin;
          const auto found = read_backbone(name.substr(cut), architecture, kOrder[order]);
          if (!found) continue;
          const std::string prefix(name.substr(0, cut));
          auto& candidate = candidates[{prefix, vit, order}];
          if (candidate.found.empty()) candidate = {prefix, architecture, order, i};
          note(candidate, *found);
        }
      }
    }
  }
  return candidates;
}

/// 0 for averaged weights, 2 for what are no weights, 1 for others.
int rank_of(const Candidate& candidate) {
  const std::string_view prefix = candidate.prefix;
  int rank = 1;
  for (std::size_t begin = 0; begin < prefix.size();) {
    const std::size_t end = std::min(prefix.find_first_of("./_", begin), prefix.size());
    const std::string_view word = prefix.substr(begin, end - begin);
    for (const char* averaged : {"ema", "averaged", "average", "swa", "teacher"}) {
      if (word == averaged) rank = 0;
    }
    for (const char* other : {"grad", "optimizer"}) {
      if (word == other) return 2;
    }
    begin = end + 1;
  }
  // Its trainer's hook puts the averaged weights in the place of the model's and these here.
  if (candidate.naming() == Naming::kOpenMmlab && prefix.starts_with("ema_state_dict.")) rank = 2;
  return rank;
}

bool is_better(const Candidate& a, const Candidate& b) {
  const std::size_t count_a = a.count(), count_b = b.count();
  if (count_a != count_b) return count_a > count_b;
  // The blocks of a Swin's stage look like a ViT's: what explains more of a name is right. A single
  // stage is told by its head alone.
  return std::tuple(rank_of(a), a.first, a.prefix.size(), !a.head_prefix, a.order) <
         std::tuple(rank_of(b), b.first, b.prefix.size(), !b.head_prefix, b.order);
}

bool has_head(std::span<const std::string> names, std::string_view prefix,
              const Candidate& candidate) {
  for (const NamePair& pair : name_pairs(candidate.architecture, candidate.naming())) {
    if (!pair.head) continue;
    for (const std::string& name : names) {
      if (name.starts_with(prefix) && match_name(pair.theirs, name.substr(prefix.size()))) {
        return true;
      }
    }
  }
  return false;
}

/// The head stands beside the backbone's tensors or further out.
std::optional<std::string> find_head(std::span<const std::string> names,
                                     const Candidate& candidate) {
  std::string prefix = candidate.prefix;
  while (!has_head(names, prefix, candidate)) {
    if (prefix.empty()) return std::nullopt;
    const std::size_t cut =
        std::string_view(prefix).substr(0, prefix.size() - 1).find_last_of("./");
    prefix.resize(cut == std::string::npos ? 0 : cut + 1);
  }
  return prefix;
}

NameScheme scheme_of(const Candidate& candidate) {
  NameScheme scheme{candidate.naming(), candidate.architecture, candidate.stages};
  for (const std::string& name : candidate.found) {
    if (name.ends_with(".logit_scale")) scheme.architecture = Architecture::kSwinV2;
    // OpenMMLab numbers the last norm, which reads as if it were one of several.
    const auto norm = match_name("norm{S}.*", name);
    if (norm && (scheme.naming != Naming::kOpenMmlab || norm->numbers.stage + 1 < scheme.stages)) {
      scheme.norm_each = true;
    }
  }
  return scheme;
}

}  // namespace

std::optional<RecognisedNames> recognise_names(std::span<const std::string> names,
                                               std::optional<Naming> naming,
                                               std::string_view within) {
  Candidates candidates = collect(names, naming, within);
  const Candidate* best = nullptr;
  for (auto& [key, candidate] : candidates) {
    if (!candidate.has_blocks) continue;
    candidate.head_prefix = find_head(names, candidate);
    if (best == nullptr || is_better(candidate, *best)) best = &candidate;
  }
  if (best == nullptr) return std::nullopt;
  return RecognisedNames{scheme_of(*best), best->prefix, best->head_prefix.value_or(best->prefix)};
}

}  // namespace tessera

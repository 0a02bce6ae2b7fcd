// Which of several processes, on one machine or many, works on what, said in files of a folder that
// all of them see.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tessera {

/// Something that this process works on. While it lives, its file's time is set anew again and
/// again; with it, the file goes.
class Claim {
 public:
  virtual ~Claim() = default;

  /// False if another process took it over, because this one was silent for too long.
  virtual bool is_ours() const = 0;
};

/// What the file of a claim says.
struct ClaimOwner {
  std::string process;  ///< `host 1234`
  std::string since;    ///< UTC, `2026-01-31T12:00:00Z`
};

/// A file appears whole and under its name in one step, by link(2), which is one step on NFS too,
/// so that one of several has it. A claim lapses if its owner's time stays the same for `silence`
/// by the watch of whoever waits for it, so that no two clocks are compared; if the owner was a
/// process of this machine, as soon as it is no more. Not for threads.
class Claims {
 public:
  static constexpr std::chrono::milliseconds kSilence{60'000};

  /// In `folder`, which is made. Throws CheckpointError.
  explicit Claims(const std::filesystem::path& folder,
                  std::chrono::milliseconds silence = kSilence);

  /// Nothing if another process has it. Throws CheckpointError if files cannot be written.
  std::unique_ptr<Claim> take(const std::string& name);

  /// Says that what has this name failed, and why, to all that have joined before that.
  void fail(const std::string& name, std::string_view why) const;

  /// What another process has said of it since this one joined.
  std::optional<std::string> failure(const std::string& name) const;

 private:
  struct Seen {
    std::string text;
    std::filesystem::file_time_type time;
    std::chrono::steady_clock::time_point since;
  };

  bool has_lapsed(const std::string& name);
  bool take_over(const std::string& name, const std::string& lapsed, const std::string& own);
  std::filesystem::path file(const std::string& name) const { return folder_ / (name + ".claim"); }
  std::filesystem::path note(const std::string& name) const { return folder_ / (name + ".failed"); }

  std::filesystem::path folder_;
  std::chrono::milliseconds silence_;
  std::map<std::string, Seen> seen_;              ///< files of others, as they were first seen
  std::map<std::string, std::string> old_notes_;  ///< failures from before
};

/// Who works on it, as far as the folder says; nothing if nobody does.
std::optional<ClaimOwner> claim_owner(const std::filesystem::path& folder, const std::string& name);

}  // namespace tessera

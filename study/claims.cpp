#include "study/claims.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <ctime>
#include <mutex>
#include <random>
#include <stop_token>
#include <thread>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/posix.h"
#include "formats/json.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

std::string host() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

/// What tells whether a process id means something here: the machine since it was started, and the
/// numbering that a container may have of its own.
std::string numbering() {
  std::array<char, 128> space{};
  if (::readlink("/proc/self/ns/pid", space.data(), space.size() - 1) < 0) return "";
  const std::string boot = read_if_there("/proc/sys/kernel/random/boot_id").value_or("");
  return boot.substr(0, boot.find('\n')) + " " + space.data();
}

std::string now_text() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

/// No two claims have the same text.
std::string claim_text() {
  std::random_device random;
  const Json json = {{"process", fmt::format("{} {}", host(), ::getpid())},
                     {"since", now_text()},
                     {"pid", ::getpid()},
                     {"numbering", numbering()},
                     {"token", fmt::format("{:08x}{:08x}", random(), random())}};
  return json_text(json, 2) + "\n";
}

/// Its owner was a process of this machine and is no more.
bool owner_is_gone(const std::string& text) {
  const Json json = try_parse_json(text);
  if (!json.is_object() || json.value("numbering", "") != numbering()) return false;
  const auto pid = static_cast<pid_t>(json.value("pid", 0));
  return pid > 0 && ::kill(pid, 0) != 0 && errno == ESRCH;
}

class FileClaim final : public Claim {
 public:
  FileClaim(fs::path file, std::string text, std::chrono::milliseconds beat)
      : file_(std::move(file)),
        text_(std::move(text)),
        beating_([this, beat](const std::stop_token& stop) { keep(stop, beat); }) {}

  ~FileClaim() override {
    beating_.request_stop();
    beating_.join();
    try {
      if (is_ours()) remove_path(file_);
    } catch (const Error&) {
      // It lapses.
    }
  }

  bool is_ours() const override { return read_if_there(file_) == text_; }

 private:
  void keep(const std::stop_token& stop, std::chrono::milliseconds beat) {
    std::mutex mutex;
    std::condition_variable_any waiting;
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
      // Now, by the clock of whoever keeps the files.
      ::utimensat(AT_FDCWD, file_.c_str(), nullptr, 0);
      waiting.wait_for(lock, stop, beat, [] { return false; });
    }
  }

  fs::path file_;
  std::string text_;
  std::jthread beating_;
};

}  // namespace

Claims::Claims(const fs::path& folder, std::chrono::milliseconds silence)
    : folder_(folder), silence_(silence) {
  make_folder(folder_);
  for (const std::string& name : names_in(folder_)) {
    if (name.ends_with(".failed")) old_notes_[name] = read_if_there(folder_ / name).value_or("");
  }
}

std::unique_ptr<Claim> Claims::take(const std::string& name) {
  const std::string text = claim_text();
  bool taken = !is_there(file(name)) && write_if_absent(file(name), text);
  if (!taken && has_lapsed(name)) taken = take_over(name, seen_[name].text, text);
  if (!taken) return nullptr;
  seen_.erase(name);
  return std::make_unique<FileClaim>(file(name), text, silence_ / 10);
}

/// Whoever waits looks again and again: the first time tells nothing but what to compare with.
bool Claims::has_lapsed(const std::string& name) {
  // Opened, so that NFS asks its server.
  const Descriptor open = open_file(file(name), O_RDONLY);
  struct stat status {};
  if (!open || ::fstat(open.get(), &status) != 0) return false;
  const auto time = fs::file_time_type(std::chrono::duration_cast<fs::file_time_type::duration>(
      std::chrono::seconds(status.st_mtim.tv_sec) +
      std::chrono::nanoseconds(status.st_mtim.tv_nsec)));
  const std::string text = read_if_there(file(name)).value_or("");
  const auto known = seen_.find(name);
  if (known == seen_.end() || known->second.text != text || known->second.time != time) {
    seen_[name] = {text, time, Clock::now()};
  }
  return Clock::now() - seen_[name].since >= silence_ || owner_is_gone(text);
}

/// Of several that find it lapsed, one at a time: it looks once more whether it still is.
bool Claims::take_over(const std::string& name, const std::string& lapsed, const std::string& own) {
  const std::string guard = name + ".takeover";
  if (!write_if_absent(file(guard), own)) {
    // Taking over is a matter of milliseconds; one that lapses was killed in it.
    if (has_lapsed(guard)) remove_path(file(guard));
    return false;
  }
  const bool same = read_if_there(file(name)) == lapsed;
  if (same) write_atomically(file(name), own);
  remove_path(file(guard));
  return same;
}

void Claims::fail(const std::string& name, std::string_view why) const {
  write_atomically(note(name), json_text(Json{{"why", why}, {"at", claim_text()}}, 2) + "\n");
}

std::optional<std::string> Claims::failure(const std::string& name) const {
  const std::optional<std::string> text = read_if_there(note(name));
  if (!text) return std::nullopt;
  const auto old = old_notes_.find(note(name).filename());
  if (old != old_notes_.end() && old->second == *text) return std::nullopt;
  const Json json = try_parse_json(*text);
  return json.is_object() ? json.value("why", "") : std::string();
}

std::optional<ClaimOwner> claim_owner(const fs::path& folder, const std::string& name) {
  const std::optional<std::string> text = read_if_there(folder / (name + ".claim"));
  if (!text || owner_is_gone(*text)) return std::nullopt;
  const Json json = try_parse_json(*text);
  if (!json.is_object()) return std::nullopt;
  return ClaimOwner{json.value("process", ""), json.value("since", "")};
}

}  // namespace tessera

#include "train/memory_limits.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include "core/memory_limit.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/subprocess.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::ScratchFolder;

TEST_CASE("memory limits: the least of a cgroup and those above it, of either version") {
  const ScratchFolder folder;
  const auto write = [&](const std::string& path, const std::string& text) {
    fs::create_directories((folder / path).parent_path());
    test::write_text(folder / path, text);
  };
  const auto limit = [&] { return cgroup_memory_limit(folder / "cgroup", folder / "fs"); };
  CHECK(!limit());
  write("cgroup", "0::/slice/job\n");
  write("fs/slice/job/memory.max", "max\n");
  CHECK(!limit());
  write("fs/slice/job/memory.max", "3000\n");
  write("fs/slice/memory.max", "2000\n");
  CHECK(limit() == 2000);
  write("fs/slice/job/memory.max", "1000\n");
  CHECK(limit() == 1000);
  // Version 1; the group's own name is not below the mount, as in a container.
  write("cgroup", "9:name=systemd:/\n4:cpu,memory:/docker/abc\n0::/\n");
  CHECK(!limit());
  write("fs/memory/memory.limit_in_bytes", "9223372036854771712\n");
  CHECK(!limit());
  write("fs/memory/memory.limit_in_bytes", "5000\n");
  CHECK(limit() == 5000);
  write("fs/memory/docker/abc/memory.limit_in_bytes", "4000\n");
  CHECK(limit() == 4000);
}

// A sanitizer maps more than such a limit allows.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("memory limits: a plan that is over ulimit -v is told in one line") {
  CHECK(memory_warning(1 << 20).empty());
  const std::string text = test::error_in_child({}, [] {
    const rlimit limit{rlim_t{8} << 30, rlim_t{8} << 30};
    ::setrlimit(RLIMIT_AS, &limit);
    return memory_warning(1 << 20) + "|" + memory_warning(std::int64_t{9} << 30);
  });
  CHECK(text.find("|memory: the plan comes to 9216 MB beside ") == 0);
  CHECK(text.find("ulimit -v allows 8192 MB") != std::string::npos);
  CHECK(text.find('\n') == std::string::npos);
}
#endif

}  // namespace
}  // namespace tessera

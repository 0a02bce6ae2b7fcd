#include "core/machine.h"

#include <doctest/doctest.h>
#include <sched.h>

#include <cmath>
#include <fstream>
#include <string>

#include "core/kernels/cpu.h"
#include "tests/support/scratch_folder.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

/// A root with /proc and /sys of our own making.
class Root {
 public:
  explicit Root(const std::string& cgroups) { write("proc/self/cgroup", cgroups); }
  Root& with(const std::string& file, const std::string& text) {
    write("sys/fs/cgroup/" + file, text);
    return *this;
  }
  double quota() const { return cpu_quota(folder_.path()); }
  int cpus() const { return available_cpus(folder_.path()); }

 private:
  void write(const std::string& file, const std::string& text) {
    const fs::path path = folder_.path() / file;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  test::ScratchFolder folder_;
};

/// Restores the affinity mask of the process.
class Affinity {
 public:
  Affinity() { REQUIRE(sched_getaffinity(0, sizeof(before_), &before_) == 0); }
  ~Affinity() { sched_setaffinity(0, sizeof(before_), &before_); }
  Affinity(const Affinity&) = delete;
  Affinity& operator=(const Affinity&) = delete;

  int count() const { return CPU_COUNT(&before_); }
  void keep_one() {
    cpu_set_t one;
    CPU_ZERO(&one);
    int cpu = 0;
    while (!CPU_ISSET(cpu, &before_)) ++cpu;
    CPU_SET(cpu, &one);
    REQUIRE(sched_setaffinity(0, sizeof(one), &one) == 0);
  }

 private:
  cpu_set_t before_;
};

TEST_CASE("cgroup version 2: the least quota from the process's group up to the root") {
  Root root("0::/user.slice/job\n");
  CHECK(std::isinf(root.quota()));
  CHECK(root.with("cpu.max", "max 100000\n").quota() == INFINITY);
  CHECK(root.with("user.slice/cpu.max", "350000 100000\n").quota() == 3.5);
  CHECK(root.with("user.slice/job/cpu.max", "50000 100000\n").quota() == 0.5);
  CHECK(root.cpus() == 1);
  CHECK(root.with("user.slice/job/cpu.max", "max 100000\n").quota() == 3.5);
}

TEST_CASE("cgroup version 1: quota and period in files, under either name of the controller") {
  Root root("12:cpu,cpuacct:/job\n3:cpuset:/elsewhere\n0::/\n");
  root.with("cpu/job/cpu.cfs_quota_us", "-1\n").with("cpu/job/cpu.cfs_period_us", "100000\n");
  CHECK(std::isinf(root.quota()));
  CHECK(root.with("cpu/job/cpu.cfs_quota_us", "250000\n").quota() == 2.5);
  root.with("cpu,cpuacct/cpu.cfs_quota_us", "20000\n")
      .with("cpu,cpuacct/cpu.cfs_period_us", "20000\n");
  CHECK(root.quota() == 1.0);
  CHECK(root.cpus() == 1);
  root.with("cpuset/elsewhere/cpu.cfs_quota_us", "1\n")
      .with("cpuset/elsewhere/cpu.cfs_period_us", "100000\n");
  CHECK(root.quota() == 1.0);
}

TEST_CASE("a container whose own cgroup is mounted at the root, under the name that the host has") {
  CHECK(Root("0::/docker/4f2a\n").with("cpu.max", "150000 100000").quota() == 1.5);
  Root old("4:cpu:/docker/4f2a\n");
  old.with("cpu/cpu.cfs_quota_us", "150000").with("cpu/cpu.cfs_period_us", "100000");
  CHECK(old.quota() == 1.5);
}

TEST_CASE("files that hold no quota are no limit, and no quota leaves the affinity mask") {
  const Affinity affinity;
  for (const char* text : {"", "100000", "many 100000", "0 100000", "100000 0", "-1 100000"}) {
    Root root("0::/\n");
    CAPTURE(std::string(text));
    CHECK(std::isinf(root.with("cpu.max", text).quota()));
    CHECK(root.cpus() == affinity.count());
  }
  CHECK(Root("no line of a cgroup file\n::\n").cpus() == affinity.count());
  CHECK(available_cpus("/no/such/root") == affinity.count());
}

TEST_CASE("a part of a CPU counts as one, and the affinity mask bounds the quota") {
  Affinity affinity;
  CHECK(Root("0::/\n").with("cpu.max", "110000 100000").cpus() == std::min(2, affinity.count()));
  affinity.keep_one();
  CHECK(Root("0::/\n").with("cpu.max", "800000 100000").cpus() == 1);
}

TEST_CASE("the peak of bf16 is of tiles where the CPU has them: far above that of vectors") {
  const double bf16 = measure_bf16_peak_gflops(0.02), f32 = measure_peak_gflops(0.02);
  CHECK((bf16 > 0.0) == (best_vector_target() >= VectorTarget::kAvx512Bf16));
  if (has_bf16_tiles()) CHECK(bf16 > 4.0 * f32);
}

}  // namespace
}  // namespace tessera

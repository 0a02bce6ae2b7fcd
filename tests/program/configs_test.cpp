// The recipes in configs/ on files of the data sets' sizes, all of them black images of class 0.
#include <filesystem>
#include <fstream>

#include "tests/program/program.h"
#include "tests/support/paths.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kImageBytes = 3 * 32 * 32;

/// A file of zeros that takes no room on the disk.
void write_zeros(const fs::path& path, std::uintmax_t bytes) {
  std::ofstream(path).close();
  fs::resize_file(path, bytes);
}

std::string config(const std::string& name) { return test::source("configs/") + name + ".yaml"; }

TEST_CASE("the CIFAR recipes pass their dry run, and one of them a step") {
  const test::ScratchFolder ten, hundred;
  for (const char* name : {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                           "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"}) {
    write_zeros(ten / name, 10000 * (1 + kImageBytes));
  }
  write_zeros(hundred / "train.bin", 50000 * (2 + kImageBytes));
  write_zeros(hundred / "test.bin", 10000 * (2 + kImageBytes));
  const auto root = [](const test::ScratchFolder& folder) {
    return "data.root=" + folder.path().string();
  };
  struct Case {
    const char* name;
    const test::ScratchFolder& folder;
    const char* classes;
  };
  for (const Case& c :
       {Case{"cifar10_swin", ten, "10 classes"}, Case{"cifar10_swin_long", ten, "10 classes"},
        Case{"cifar100_swin", hundred, "100 classes"}}) {
    CAPTURE(c.name);
    const test::Outcome outcome =
        test::tessera({"train", config(c.name), "--dry-run", "--set", root(c.folder)});
    CAPTURE(outcome.err);
    CHECK(outcome.code == 0);
    CHECK(outcome.out.find(c.classes) != std::string::npos);
    CHECK(outcome.out.find("Dry run: nothing was trained or written.") != std::string::npos);
  }
  const test::Outcome step =
      test::tessera({"train", config("cifar10_swin"), "--out", ten / "run", "--set", root(ten),
                     "--set", "data.train_samples=32", "--set", "data.batch_size=16", "--set",
                     "data.test_samples=16", "--set", "train.epochs=1"});
  CAPTURE(step.err);
  CHECK(step.code == 0);
  CHECK(step.out.find("up to step 2") != std::string::npos);
}

}  // namespace
}  // namespace tessera

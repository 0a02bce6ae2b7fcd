// Checkpoints that are not what was written: none of them may be taken for one.
#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "core/error.h"
#include "tests/support/scratch_folder.h"
#include "train/checkpoint.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::read_text;
using test::ScratchFolder;
using test::write_text;

constexpr const char* kFiles[] = {"step-12/meta.json", "step-12/model.safetensors",
                                  "step-12/state.safetensors", kIndexFile};

CheckpointData damaged_data_of(std::int64_t step, float value) {
  CheckpointData data;
  data.meta = {.step = step,
               .epoch = 3,
               .samples_in_epoch = 0,
               .ended = false,
               .metric = 0.25,
               .best_metric = 0.5,
               .config = "model: {embed_dim: 8}\n"};
  data.model = {{"norm.weight", Tensor::full({8}, value)}, {"norm.bias", Tensor::full({8}, 1.0f)}};
  data.state = {{"optim.m", Tensor::full({16}, value)}};
  return data;
}

/// The checkpoint of a run in `folder`, and others to take files from.
struct Checkpoints {
  ScratchFolder folder, other_run, other_step;

  Checkpoints() {
    save_checkpoint(folder.path(), damaged_data_of(8, 0.5f), true);
    save_checkpoint(folder.path(), damaged_data_of(12, 1.0f), false);
    save_checkpoint(other_run.path(), damaged_data_of(12, 2.0f), false);
    save_checkpoint(other_step.path(), damaged_data_of(9, 3.0f), false);
  }

  bool loads() const {
    return error_of<CheckpointError>([&] { load_checkpoint(folder.path()); }).empty();
  }
};

/// The text of a file with something done to it.
std::string damaged(std::string text, std::mt19937& random) {
  const auto below = [&](std::size_t most) {
    return std::uniform_int_distribution<std::size_t>(0, most - 1)(random);
  };
  switch (below(5)) {
    case 0:
      text.resize(below(text.size()));
      break;
    case 1:
      text.insert(below(text.size()), std::string(1 + below(9), '\0'));
      break;
    case 2:
      text[below(text.size())] = '7';
      break;
    case 3:
      if (const std::size_t at = below(text.size()); at < text.size()) {
        text.erase(at, 1 + below(40));
      }
      break;
    default:
      text[below(text.size())] ^= static_cast<char>(1u << below(8));
  }
  return text;
}

TEST_CASE("checkpoint: none of a thousand damaged ones is taken") {
  const Checkpoints checkpoints;
  REQUIRE(checkpoints.loads());
  std::mt19937 random(1);
  int done = 0;
  int taken = 0;
  for (const char* name : kFiles) {
    const std::string good = read_text(checkpoints.folder / name);
    for (int i = 0; i < 260; ++i) {
      const std::string bad = damaged(good, random);
      if (bad == good) continue;
      write_text(checkpoints.folder / name, bad);
      ++done;
      taken += checkpoints.loads() ? 1 : 0;
    }
    write_text(checkpoints.folder / name, good);
    REQUIRE(checkpoints.loads());
  }
  CHECK(done > 1000);
  CHECK(taken == 0);
}

TEST_CASE("checkpoint: a flip of any single bit is told") {
  const Checkpoints checkpoints;
  for (const char* name : kFiles) {
    const std::string good = read_text(checkpoints.folder / name);
    int taken = 0;
    for (std::size_t bit = 0; bit < 8 * good.size(); bit += 3) {
      std::string bad = good;
      bad[bit / 8] ^= static_cast<char>(1u << bit % 8);
      write_text(checkpoints.folder / name, bad);
      taken += checkpoints.loads() ? 1 : 0;
    }
    CAPTURE(name);
    CHECK(taken == 0);
    write_text(checkpoints.folder / name, good);
  }
}

TEST_CASE("checkpoint: files of another run or step are told") {
  const Checkpoints checkpoints;
  for (const char* name : {"meta.json", "model.safetensors", "state.safetensors"}) {
    const fs::path own = checkpoints.folder / "step-12" / name;
    const std::string good = read_text(own);
    for (const fs::path& other :
         {checkpoints.other_run / "step-12", checkpoints.other_step / "step-9",
          checkpoints.folder / "step-8"}) {
      CAPTURE(name);
      CAPTURE(other);
      write_text(own, read_text(other / name));
      CHECK(!checkpoints.loads());
    }
    write_text(own, good);
  }
  // All files of one that is of another step, under this one's name.
  fs::remove_all(checkpoints.folder / "step-12");
  fs::copy(checkpoints.other_step / "step-9", checkpoints.folder / "step-12");
  CHECK(error_of<CheckpointError>([&] {
          load_checkpoint(checkpoints.folder.path());
        }).find("is of step 9, its folder is called step-12") != std::string::npos);
}

TEST_CASE("checkpoint: numbers that nobody wrote are refused, sealed or not") {
  const auto decode = [](const std::string& text) {
    return error_of<CheckpointError>([&] { decode_meta(text, "meta.json"); });
  };
  CheckpointMeta meta = damaged_data_of(12, 1.0f).meta;
  const std::string good = encode_meta(meta);
  CHECK(decode(good).empty());
  std::string edited = good;
  edited.replace(edited.find("12"), 2, "13");
  CHECK(decode(edited) ==
        "[checkpoint] meta.json: damaged or edited: it does not fit its checksum");
  // Without the checksum it is none of version 0.1, which counted batches.
  std::string unsealed = good.substr(0, good.rfind(",\n  \"checksum\""));
  unsealed.append("\n}\n");
  CHECK(decode(unsealed).find("damaged or edited") != std::string::npos);
  unsealed.replace(unsealed.find("\"format_version\": 2"), 19, "\"format_version\": 1");
  CHECK(decode(unsealed).find("batch_in_epoch") != std::string::npos);
  meta.step = -5;
  CHECK(decode(encode_meta(meta)) ==
        "[checkpoint] meta.json: step -5: expected a whole number, 0 or more");
  const std::string old = R"({"format_version": 1, "step": 8, "epoch": 2, "batch_in_epoch": 3,
    "metric": null, "best_metric": null, "config": "data: {batch_size: 16}"})";
  CHECK(decode_meta(old, "meta.json").samples_in_epoch == 48);
  for (const std::string number : {"-1", "1.5", "\"8\"", "1e30", "99999999999999999999", "null"}) {
    std::string bad = old;
    bad.replace(bad.find("8"), 1, number);
    CAPTURE(number);
    CHECK(decode(bad).find("expected a whole number") != std::string::npos);
  }
  std::string other = old;
  other[other.find('1')] = '3';
  CHECK(decode(other) == "[checkpoint] meta.json: format version 3, this program reads 1 and 2");
}

}  // namespace
}  // namespace tessera

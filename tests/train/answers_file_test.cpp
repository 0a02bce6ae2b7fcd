#include "train/answers_file.h"

#include <doctest/doctest.h>

#include <array>
#include <filesystem>

#include "core/error.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/subprocess.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::read_text;
using test::ScratchFolder;

/// Shows `writer` answers to images 0, 1 and 3, of which the second is wrong, and ends with the
/// evaluation after update `step`.
void evaluate(AnswersWriter& writer, std::int64_t step) {
  const std::array<float, 6> logits{2.0f, 1.0f, 2.0f, 1.0f, 0.0f, 1.0f};
  const std::array<std::int32_t, 3> labels{0, 1, 1};
  Batch batch;
  batch.samples = {0, 1, 3};
  batch.labels = Tensor::from({3}, std::span(labels));
  const std::array<Tensor, 1> outputs{Tensor::from({3, 2}, std::span(logits))};
  writer.on_evaluated(0, outputs, batch, 3);
  EvaluationRecord record;
  record.step = step;
  writer.on_evaluation(record, {}, false);
}

TEST_CASE("val_right.txt: an answer an image, of the last evaluation alone") {
  const ScratchFolder folder;
  const fs::path path = folder / "val_right.txt";
  AnswersWriter writer(one_process(), path);
  evaluate(writer, 4);
  evaluate(writer, 8);
  CHECK(read_text(path) == "8\n10-1\n");
  CHECK(read_right_answers(path, 8) == "10-1");
  CHECK(read_right_answers(path, 4).empty());
  CHECK(read_right_answers(folder / "none", 8).empty());
}

TEST_CASE("val_right.txt: on a full disk or in a folder that is closed the old one stays") {
  const ScratchFolder folder;
  const fs::path path = folder / "val_right.txt";
  AnswersWriter writer(one_process(), path);
  evaluate(writer, 4);
  const auto failure = [&] { return error_of<CheckpointError>([&] { evaluate(writer, 8); }); };
  CHECK(test::error_in_child({.file_bytes = 3}, failure) ==
        "[write] " + path.string() + ": File too large");
  fs::permissions(folder.path(), fs::perms::owner_read | fs::perms::owner_exec |
                                     fs::perms::others_read | fs::perms::others_exec);
  CHECK(test::error_in_child({.unprivileged = true}, failure) ==
        "[write] " + path.string() + ": Permission denied");
  fs::permissions(folder.path(), fs::perms::owner_all);
  CHECK(read_text(path) == "4\n10-1\n");
  CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 1);
}

}  // namespace
}  // namespace tessera

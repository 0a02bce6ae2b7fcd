// What a run says of the test split, which is read once it is trained: `test.json` in its folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "study/grid.h"
#include "study/run_result.h"
#include "study/study.h"

namespace tessera {

/// Of one checkpoint.
struct TestFigures {
  std::int64_t step = 0;
  std::string weights;  ///< their checksum; empty of checkpoints of version 0.1, which have none
  Metrics metrics;      ///< as a meter names them: `top1`, `loss`
  std::string right;    ///< of a classifier, as read_right_answers; else empty
};

struct TestReading {
  std::int64_t samples = 0;
  TestFigures last;
  TestFigures best;  ///< of the checkpoint that was best on val; the last if there is no other
};

/// Throws ConfigError that names the way out if val and test are the same images in one of `cells`:
/// then nothing is left to test on what was chosen by val. DataError as open_dataset.
void check_test_split(const Study& study, const std::vector<Cell>& cells);

/// What was read of the checkpoints that the run has now; nothing of others, or of a damaged file.
/// Throws CheckpointError if the checkpoints are damaged.
std::optional<TestReading> read_test_figures(const std::filesystem::path& run);

/// Evaluates the run's last checkpoint and its best on the test split, each in a process of its
/// own, and keeps what they say. `options` go to `tessera eval`, `on_line` as in run_child. Returns
/// why that failed, in one line, or nothing.
std::string test_run(const std::filesystem::path& run, TaskName task,
                     const std::vector<std::string>& options,
                     const std::function<void(std::string_view)>& on_line);

/// Adds what read_test_figures finds to a done run.
void add_test_figures(RunResult& result, const std::filesystem::path& run);

}  // namespace tessera

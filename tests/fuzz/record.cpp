// What a run wrote about itself, damaged: sealed JSON is whole or a CheckpointError, and of metrics
// the lines that are lines are read. The first byte says which.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "core/error.h"
#include "train/metrics_file.h"
#include "train/sealed_json.h"

namespace {

using namespace tessera;

void read_metrics(const std::string& text) {
  static const std::filesystem::path path =
      "/dev/shm/tessera_fuzz_" + std::to_string(::getpid()) + ".jsonl";
  std::ofstream(path, std::ios::binary) << text;
  BestEvaluation best("top1");
  for (const EvaluationRecord& record : read_evaluations(path)) best.add(record);
  const std::size_t updates = read_updates(path).size();
  read_timing(path);
  truncate_metrics(path, 1);
  if (read_updates(path).size() > updates) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  try {
    if (data[0] % 4 == 0) {
      read_metrics(text);
    } else {
      unseal(text, "meta.json", data[0] % 2 == 1);
    }
  } catch (const CheckpointError&) {
  }
  return 0;
}

// classify WEIGHTS IMAGE: the five likeliest classes. WEIGHTS is a run's folder, a folder of
// Hugging Face's, a safetensors or .pth file of any framework.
#include <tessera/data/images/image.h>
#include <tessera/train/model_input.h>
#include <tessera/train/saved_model.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <numeric>
#include <vector>

int main(int argc, char** argv) try {
  if (argc != 3) return std::fprintf(stderr, "classify WEIGHTS IMAGE\n"), 2;
  const tessera::SavedModel saved = tessera::load_saved_model(argv[1]);
  const tessera::Image photo = tessera::load_image(argv[2], saved.config.model.in_channels);
  const tessera::Tensor logits = saved.learner->predict(tessera::model_input(photo, saved.config));
  const std::vector<std::string> names = tessera::dataset_info(saved.config.data).class_names;

  const auto values = logits.span();  // [1, K]
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return values[a] > values[b]; });
  double sum = 0.0;
  for (const float value : values) sum += std::exp(value - values[order[0]]);
  for (std::size_t i = 0; i < std::min<std::size_t>(5, order.size()); ++i) {
    const double probability = std::exp(values[order[i]] - values[order[0]]) / sum;
    const std::string name = order[i] < names.size() ? names[order[i]] : std::to_string(order[i]);
    std::printf("%6.2f %%  %s\n", 100.0 * probability, name.c_str());
  }
} catch (const std::exception& error) {
  return std::fprintf(stderr, "classify: %s\n", error.what()), 1;
}

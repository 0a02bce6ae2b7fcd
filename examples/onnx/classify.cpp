// classify MODEL.onnx WIDTH HEIGHT < PIXELS: raw RGB through a model of `tessera export
// --preprocess`. On Debian 13, which has onnxruntime (libonnxruntime-dev; Debian 12 has none):
//   g++ -std=c++17 -I/usr/include/onnxruntime classify.cpp -o classify -lonnxruntime
//   djpeg photo.jpg | tail -c $((640 * 480 * 3)) | ./classify model.onnx 640 480
#include <onnxruntime_cxx_api.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "classify MODEL.onnx WIDTH HEIGHT < PIXELS\n"), 2;
  const std::int64_t width = std::atoll(argv[2]), height = std::atoll(argv[3]);
  const std::vector<std::int64_t> shape{1, height, width, 3};
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(height * width * 3));
  if (std::fread(pixels.data(), 1, pixels.size(), stdin) != pixels.size()) return 1;

  Ort::Env env;
  Ort::Session session(env, argv[1], Ort::SessionOptions{});
  const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  const Ort::Value image = Ort::Value::CreateTensor<std::uint8_t>(
      memory, pixels.data(), pixels.size(), shape.data(), shape.size());
  const char* inputs[] = {"image"};
  const char* outputs[] = {"probabilities"};
  const auto result = session.Run(Ort::RunOptions{}, inputs, &image, 1, outputs, 1);
  const float* probabilities = result[0].GetTensorData<float>();
  const std::size_t count = result[0].GetTensorTypeAndShapeInfo().GetElementCount();
  for (std::size_t k = 0; k < count; ++k) std::printf("%zu %.4f\n", k, probabilities[k]);
}

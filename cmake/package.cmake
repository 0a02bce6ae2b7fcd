# `cpack` in the build folder makes two packages for Debian: tessera, the program, and
# libtessera-dev, what find_package needs.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME tessera)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The Tessera authors <tessera@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Training of Swin Transformers on the CPU")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL program library)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME tessera)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS dataset-fashion-mnist)
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION
  "One program, driven by one YAML file: trains Swin, Swin v2 and ViT models, tests, explains and
exports them, and runs studies of patch sizes and embeddings. No Python, no GPU.")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libtessera-dev)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_DEPENDS
  "libdnnl-dev, ocl-icd-opencl-dev, libfmt-dev, libyaml-cpp-dev, zlib1g-dev, libpugixml-dev, \
libjpeg-dev, libspng-dev, libwebp-dev, libopenmpi-dev, g++ (>= 4:12)")
set(CPACK_COMPONENT_LIBRARY_DESCRIPTION
  "Static libraries and headers of Tessera, for find_package(tessera CONFIG): tensors, an autograd
tape over oneDNN, layers of Swin Transformers, optimizers, data, weight formats, training.")
include(CPack)

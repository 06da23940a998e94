set(EXTRA_LIBS hk_rocksdb)
set(EXTRA_SOURCES fault_env.cpp power_cut.cpp child_process.cpp)

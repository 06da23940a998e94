set(EXTRA_LIBS hk_rocksdb)

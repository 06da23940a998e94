set(EXTRA_LIBS hk_rocksdb)
# The 500 seeds of a test run, in two parts: the first is what sim_delivery does by itself.
add_test(NAME sim_delivery_2 COMMAND sim_delivery --seeds 251-500)
set_tests_properties(sim_delivery_2 PROPERTIES LABELS sim TIMEOUT 600)

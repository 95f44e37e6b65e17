# Programs of ours that can be made short of memory, or whose clocks jump; the sanitizers have
# an allocator of their own.
ifeq ($(SAN),)
$(BUILD)/obj/failing/procsrv/where.o: procsrv/where.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,failing/$<)
	$(Q)$(CC) $(ALL_CFLAGS) -Dgeteuid=anybody -DLIBEXECDIR='""' -DSYSCONFDIR='"/etc"' -MMD -MP -c -o $@ $<

define failing
$(eval $(call program,tests/failing/$(1),$(filter-out procsrv/where,$(OBJ_$(notdir $(1)))) \
	$(if $(filter procsrv/where,$(OBJ_$(notdir $(1)))),failing/procsrv/where) tests/failing/failing,$(LIB_$(notdir $(1)))))
tests: $(BUILD)/tests/failing/$(1)
endef
$(foreach p,$(PROGS_TARGET),$(eval $(call failing,$(p))))
$(eval $(call program,tests/failing/bin/hdb,$(OBJ_hdb) tests/failing/failing,$(LIB_hdb)))
$(BUILD)/tests/failing/bin/hdb: $(BUILD)/libhosteng.a
tests: $(BUILD)/tests/failing/bin/hdb
endif

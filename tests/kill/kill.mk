# A tracer that can be made to die at each of its steps, beside a guard that starts it.
KILL_STEPS = $(addprefix procsrv/,patch inject run pass slot watch trace_thread)

$(BUILD)/obj/kill/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,kill/$<)
	$(Q)$(CC) $(ALL_CFLAGS) -DKILL_POINTS -MMD -MP -c -o $@ $<

$(eval $(call program,tests/kill/procsrv-tracer,$(filter-out $(KILL_STEPS),$(OBJ_procsrv-tracer)) $(addprefix kill/,$(KILL_STEPS) tests/kill/kill_point),$(LIB_procsrv-tracer)))

$(BUILD)/tests/kill/%: $(BUILD)/libexec/procsrv/%
	@mkdir -p $(@D)
	$(Q)cp $< $@

tests: $(addprefix $(BUILD)/tests/kill/procsrv-,tracer guard launch reader)

# Privilege-separation attacks.
$(eval $(call program,tests/lying-conn,tests/privsep/lying-conn))
$(eval $(call program,tests/lying-batch,tests/privsep/lying-batch))
tests: $(BUILD)/tests/lying-conn $(BUILD)/tests/lying-batch

# Privilege-separation attacks.
$(eval $(call program,tests/lying-conn,tests/privsep/lying-conn))
tests: $(BUILD)/tests/lying-conn

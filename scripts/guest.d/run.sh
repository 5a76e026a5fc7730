#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# Runs in the guest: the stages named as arguments, one after the other.
status=0
for stage; do
	echo "# stage $stage"
	sh "/guest.d/$stage.sh" || status=1
	echo "# end of stage $stage"
done
exit "$status"

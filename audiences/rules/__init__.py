"""The parts of an audience's rules: fields, operators, the tree, its SQL. Door: `audiences.segments`."""

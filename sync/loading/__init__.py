"""New records in large numbers: in files, through Campaign's import, instead of one by one."""

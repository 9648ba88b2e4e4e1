"""Campaign's file import: workflows that take a file from SFTP, load its rows, and leave two files of what became of
them.
"""

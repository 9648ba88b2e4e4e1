--[[ note_page: a reader is about to store a page, and says what its records have in common.
  Guarantees: no two pages are known under one time; one that comes within the same millisecond takes the next one.
  KEYS  1 pages
  ARGV  1 now or ''  2 what is to be known of the page
  Output the time at which the page is to be stored, ms ]]
local now = clock(ARGV[1])
while redis.call('HSETNX', KEYS[1], string.format('%.0f', now), ARGV[2]) == 0 do now = now + 1 end
return string.format('%.0f', now)

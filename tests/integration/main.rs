mod sample_lists;
mod serve;
